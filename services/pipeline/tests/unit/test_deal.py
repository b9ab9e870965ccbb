"""The deal's commands, each rule by itself."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from events.money import Money
from events.types import Dimensions, Owner
from events.types.pipeline import DealAmountChanged, DealStageChanged, LeadOrigin
from pipeline.domain.deal import Deal
from pipeline.domain.occasion import Occasion, Surroundings
from pipeline.domain.pipeline import Pipeline, Rules, Stage, StageType, design_pipeline
from pipeline.domain.record import Details, Opening
from pipeline.errors import (
    AlreadyInStage,
    CustomerMissing,
    DealAlreadyClosed,
    DealIsDeleted,
    DealNotClosed,
    LostNoteMissing,
    OccurredTooEarly,
    OwnerNamedTwice,
    OwnerWeightsDoNotSum,
    PipelineIsMalformed,
    StageClosesDeal,
    StageFieldsMissing,
    StageGoesBack,
    StageNotInPipeline,
    StageSkipped,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WITH_CUSTOMER = Opening(details=Details(customer_id="c1"))


def stage(code: str, order: int, kind: str = "open", **more: Any) -> Stage:
    probability = {"won": 10_000, "lost": 0}.get(kind, 2_000)
    return Stage(
        code=code,
        name={"en": code, "zh": code},
        order=order,
        type=StageType(kind),
        probability_bp=probability,
        **more,
    )


def strict(**rules: bool) -> Pipeline:
    stages = [
        stage("talk", 1),
        stage("offer", 2, required_fields=("amount",)),
        stage("close", 3),
        stage("paused", 4, "hold"),
        stage("won", 5, "won"),
        stage("lost", 6, "lost"),
    ]
    return design_pipeline(
        code="strict", name={"en": "Strict"}, stages=stages, rules=Rules(**rules)
    )


def on(hours: float = 0, around: Surroundings | None = None) -> Occasion:
    return Occasion(at=NOON + timedelta(hours=hours), by="ann", around=around or Surroundings())


def opened(opening: Opening = WITH_CUSTOMER, **more: Any) -> Deal:
    deal, _ = Deal.open("d1", opening, pipeline=more.pop("pipeline", strict()), on=on(), **more)
    return deal


USD_100 = Money(amount_minor=10_000, currency="USD")


def test_a_deal_begins_in_the_first_stage_as_version_one() -> None:
    deal, created = Deal.open("d1", WITH_CUSTOMER, pipeline=strict(), on=on())
    assert (deal.version, deal.stage, deal.stage_rank, deal.status) == (1, "talk", 0, "open")
    assert created.deal == deal.state()


def test_beginning_further_on_is_a_skip_unless_history_is_imported() -> None:
    with pytest.raises(StageSkipped, match="talk"):
        opened(stage="close")
    assert opened(stage="close", straight=True).stage_rank == 2


def test_imported_history_keeps_to_required_fields() -> None:
    with pytest.raises(StageFieldsMissing, match="amount"):
        opened(stage="offer", straight=True)


def test_a_deal_does_not_begin_closed() -> None:
    with pytest.raises(StageClosesDeal):
        opened(stage="won", straight=True)


def test_moving_needs_the_fields_that_the_stage_requires() -> None:
    deal = opened()
    with pytest.raises(StageFieldsMissing, match="amount"):
        deal.move("offer", pipeline=strict(), on=on(1))
    priced, _ = deal.change_amount(USD_100, pipeline=strict(), on=on(1))
    moved, event = priced.move("offer", pipeline=strict(), on=on(2))
    assert (moved.stage, moved.stage_rank, moved.version) == ("offer", 1, 3)
    assert event == DealStageChanged(deal=moved.state(), from_stage="talk")


def test_a_skip_is_refused_and_an_override_is_told_in_the_event() -> None:
    deal = opened()
    with pytest.raises(StageSkipped, match="offer"):
        deal.move("close", pipeline=strict(), on=on(1))
    moved, event = deal.move("close", pipeline=strict(), on=on(1), override="tender")
    assert moved.stage == "close"
    assert event.overridden


def test_an_override_that_was_not_needed_leaves_no_trace() -> None:
    deal = opened(Opening(details=Details(), amount=USD_100))
    _, event = deal.move("offer", pipeline=strict(), on=on(1), override="just in case")
    assert not event.overridden


def test_going_back_is_refused_unless_the_pipeline_allows_it() -> None:
    deal = opened(stage="close", straight=True)
    with pytest.raises(StageGoesBack, match="talk"):
        deal.move("talk", pipeline=strict(), on=on(1))
    back, _ = deal.move("talk", pipeline=strict(allow_back=True), on=on(1))
    assert back.stage_rank == 0


def test_hold_lies_beside_the_ladder() -> None:
    deal = opened(stage="close", straight=True)
    paused, _ = deal.move("paused", pipeline=strict(), on=on(1))
    assert (paused.status, paused.stage_rank) == ("open", 2)
    resumed, _ = paused.move("close", pipeline=strict(), on=on(2))
    assert resumed.stage_rank == 2
    with pytest.raises(StageGoesBack):
        paused.move("talk", pipeline=strict(), on=on(2))


def test_unknown_same_and_closing_stages_are_no_moves() -> None:
    deal = opened()
    with pytest.raises(StageNotInPipeline, match="nowhere"):
        deal.move("nowhere", pipeline=strict(), on=on(1))
    with pytest.raises(AlreadyInStage):
        deal.move("talk", pipeline=strict(), on=on(1))
    with pytest.raises(StageClosesDeal):
        deal.move("won", pipeline=strict(), on=on(1))


def test_winning_needs_a_customer_whatever_is_overridden() -> None:
    deal = opened(Opening(details=Details()))
    with pytest.raises(CustomerMissing):
        deal.win(pipeline=strict(allow_skip=True), on=on(1), override="please")


def test_winning_closes_at_that_moment_and_is_above_all_stages() -> None:
    deal = opened(stage="close", straight=True)
    won, event = deal.win(pipeline=strict(), on=on(5))
    assert (won.status, won.stage, won.stage_rank) == ("won", "won", 3)
    assert won.closed_at == NOON + timedelta(hours=5)
    assert event.deal.closed_at == won.closed_at


def test_winning_from_an_early_stage_is_a_skip() -> None:
    with pytest.raises(StageSkipped, match="offer, close"):
        opened().win(pipeline=strict(), on=on(1))
    won, event = opened().win(pipeline=strict(), on=on(1), override="walk-in")
    assert (won.status, event.overridden) == ("won", True)


def test_losing_is_free_from_any_stage_and_keeps_the_rank_reached() -> None:
    lost, event = opened(stage="close", straight=True).lose(
        "competitor", pipeline=strict(), on=on(1), competitor="Acme"
    )
    assert (lost.status, lost.stage, lost.stage_rank) == ("lost", "lost", 2)
    assert (event.reason, event.competitor) == ("competitor", "Acme")


def test_the_lost_reason_other_needs_a_note_that_stays_here() -> None:
    with pytest.raises(LostNoteMissing):
        opened().lose("other", pipeline=strict(), on=on(1))
    lost, event = opened().lose("other", pipeline=strict(), on=on(1), note="flood")
    assert lost.lost_note == "flood"
    assert b"flood" not in repr(event).encode()


def test_a_closed_deal_is_frozen() -> None:
    won, _ = opened().win(pipeline=strict(allow_skip=True), on=on(1))
    flow = strict(allow_skip=True)
    commands: list[Callable[[], object]] = [
        lambda: won.win(pipeline=flow, on=on(2)),
        lambda: won.lose("price", pipeline=flow, on=on(2)),
        lambda: won.move("talk", pipeline=flow, on=on(2)),
        lambda: won.change_amount(USD_100, pipeline=flow, on=on(2)),
        lambda: won.reassign((), team="a", pipeline=flow, on=on(2)),
        lambda: won.revise(Details(name="x"), pipeline=flow, on=on(2)),
    ]
    for command in commands:
        with pytest.raises(DealAlreadyClosed):
            command()


def test_reopening_takes_the_closing_back_and_begins_an_episode() -> None:
    deal = opened(stage="close", straight=True)
    lost, _ = deal.lose("price", pipeline=strict(), on=on(1), note="10 % too much")
    again, _ = lost.reopen(pipeline=strict(), on=on(2))
    assert (again.status, again.stage, again.stage_rank, again.episode) == ("open", "close", 2, 2)
    assert (again.closed_at, again.lost_reason, again.lost_note) == (None, None, None)
    with pytest.raises(DealNotClosed):
        again.reopen(pipeline=strict(), on=on(3))


def test_a_deal_closed_on_hold_reopens_where_it_was_on_the_ladder() -> None:
    deal = opened(stage="close", straight=True)
    paused, _ = deal.move("paused", pipeline=strict(), on=on(1))
    won, _ = paused.win(pipeline=strict(), on=on(2))
    again, _ = won.reopen(pipeline=strict(), on=on(3))
    assert (again.stage, again.stage_rank) == ("close", 2)


def test_a_deleted_deal_takes_no_command() -> None:
    gone, _ = opened().delete(on=on(1))
    with pytest.raises(DealIsDeleted):
        gone.win(pipeline=strict(), on=on(2))
    with pytest.raises(DealIsDeleted):
        gone.delete(on=on(2))
    with pytest.raises(DealIsDeleted):
        gone.reopen(pipeline=strict(), on=on(2))


def test_nothing_happens_before_what_happened_last() -> None:
    with pytest.raises(OccurredTooEarly):
        opened().lose("price", pipeline=strict(), on=on(-1))
    opened().lose("price", pipeline=strict(), on=on(0))


def test_owners_share_the_whole_deal() -> None:
    half = Owner(owner_id="b", weight_bp=5_000)
    with pytest.raises(OwnerWeightsDoNotSum, match="5000"):
        opened(Opening(details=Details(), owners=(half,)))
    with pytest.raises(OwnerNamedTwice):
        opened(Opening(details=Details(), owners=(half, half)))
    other = Owner(owner_id="a", weight_bp=5_000)
    deal = opened(Opening(details=Details(), owners=(half, other)))
    same, event = deal.reassign((other, half), team=None, pipeline=strict(), on=on(1))
    assert event is None
    assert same is deal


def test_the_same_amount_again_is_no_change() -> None:
    deal = opened(Opening(details=Details(), amount=USD_100))
    assert deal.change_amount(USD_100, pipeline=strict(), on=on(1)) == (deal, None)
    more = Money(amount_minor=20_000, currency="USD")
    changed, event = deal.change_amount(more, pipeline=strict(), on=on(1))
    assert event == DealAmountChanged(deal=changed.state())


def test_a_field_that_the_stage_requires_cannot_be_taken_away() -> None:
    deal = opened(Opening(details=Details(), amount=USD_100), stage="offer", straight=True)
    with pytest.raises(StageFieldsMissing, match="amount"):
        deal.change_amount(None, pipeline=strict(), on=on(1))


def test_only_a_later_expected_close_is_a_push() -> None:
    deal = opened()
    for hour, (day, pushes) in enumerate(((10, 0), (20, 1), (15, 1), (16, 2))):
        details = Details(customer_id="c1", expected_close_on=date(2026, 4, day))
        deal, _ = deal.revise(details, pipeline=strict(), on=on(hour))
        assert deal.close_date_pushes == pushes


def test_dimensions_are_those_of_the_moment_of_each_event() -> None:
    small = Dimensions(segment="small", region="North", channel="web")
    large = Dimensions(segment="large", region="North")
    before = Surroundings(customers={"c1": small})
    after = Surroundings(customers={"c1": large}, territories={"t": "East"})
    lead = LeadOrigin(lead_id="l1", captured_at=NOON)
    opening = Opening(details=Details(customer_id="c1", product="p"), lead=lead, team="t")
    deal, created = Deal.open("d1", opening, pipeline=strict(), on=on(0, before))
    assert created.deal.dimensions == Dimensions(
        team="t", product="p", channel="web", segment="small", region="North"
    )
    _, lost = deal.lose("price", pipeline=strict(), on=on(1, after))
    assert lost.deal.dimensions == Dimensions(team="t", product="p", segment="large", region="East")
    assert lost.deal.lead == lead


@pytest.mark.parametrize(
    ("stages", "fault"),
    [
        ([stage("won", 1, "won"), stage("lost", 2, "lost")], "0 stages of type open"),
        ([stage("a", 1), stage("lost", 2, "lost")], "0 stages of type won"),
        ([stage("a", 1), stage("a", 2), stage("w", 3, "won"), stage("l", 4, "lost")], "code a"),
        ([stage("a", 1), stage("b", 1), stage("w", 3, "won"), stage("l", 4, "lost")], "order 1"),
        (
            [stage("a", 1, required_fields=("shoe",)), stage("w", 2, "won"), stage("l", 3, "lost")],
            "shoe",
        ),
    ],
)
def test_a_pipeline_that_makes_no_sense_is_refused(stages: list[Stage], fault: str) -> None:
    with pytest.raises(PipelineIsMalformed, match=fault):
        design_pipeline(code="x", name={"en": "X"}, stages=stages, rules=Rules())
