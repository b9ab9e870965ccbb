"""Rows of history by themselves: what they make of nothing, and of a deal that is there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Refusal
from events.money import Money
from pipeline.domain.imported import (
    ImportedDeal,
    Outcome,
    begin_deal,
    bring_up_to,
    check_row,
)
from pipeline.domain.occasion import Occasion, Surroundings
from pipeline.domain.pipeline import Pipeline, Rules, Stage, StageType, design_pipeline
from pipeline.domain.pricing import Pricing
from pipeline.domain.record import Details, Opening
from pipeline.errors import DealAlreadyClosed, DealIsDeleted, FieldMismatch, StageSkipped

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOTHING = Opening(details=Details())
STAGES = (("one", "open"), ("two", "open"), ("three", "open"), ("won", "won"), ("lost", "lost"))


def on(at: datetime = NOW) -> Occasion:
    return Occasion(at=at, by="importer", around=Surroundings())


def pipeline(*, strict: bool) -> Pipeline:
    return design_pipeline(
        code="p",
        name={"en": "P"},
        rules=Rules(allow_skip=not strict, allow_back=not strict),
        stages=[
            Stage(
                code=code,
                name={"en": code},
                order=order,
                type=StageType(kind),
                probability_bp=10_000 if kind == "won" else 0,
            )
            for order, (code, kind) in enumerate(STAGES)
        ],
    )


def row(outcome: Outcome = "open", *, mark: str = "1", **more: Any) -> ImportedDeal:
    said = more.pop("said", NOTHING)
    if outcome == "lost":
        more.setdefault("lost_reason", "unknown")
    return ImportedDeal(
        fingerprint=mark,
        outcome=outcome,
        said=said,
        opening=replace(said, imported_as=mark),
        **more,
    )


moments = st.integers(0, 3_000).map(lambda days: NOW - timedelta(days=days))


@st.composite
def sound_rows(draw: st.DrawFn) -> ImportedDeal:
    outcome: Outcome = draw(st.sampled_from(["open", "won", "lost"]))
    first, second = sorted((draw(moments), draw(moments)))
    stage = draw(st.sampled_from([None, "one", "two", "three", *({outcome} - {"open"})]))
    said = Opening(
        details=Details(customer_id="c1", channel=draw(st.sampled_from([None, "web"]))),
        amount=draw(st.sampled_from([None, Money(amount_minor=5, currency="USD")])),
    )
    return row(
        outcome,
        stage=stage,
        said=said,
        created_at=first,
        closed_at=None if outcome == "open" else second,
    )


@given(imported=sound_rows(), strict=st.booleans())
def test_a_sound_row_becomes_a_deal_at_its_dates_and_the_same_row_is_no_news(
    *, imported: ImportedDeal, strict: bool
) -> None:
    flow = pipeline(strict=strict)
    check_row(imported, pipeline=flow, now=NOW)
    made = begin_deal(imported, "d", pipeline=flow, on=on())
    deal = made[-1].after
    assert [revision.after.version for revision in made] == list(range(1, len(made) + 1))
    assert (deal.status, deal.created_at) == (imported.outcome, imported.created_at)
    assert deal.closed_at == imported.closed_at
    assert bring_up_to(imported, deal, pipeline=flow, on=on()) == []
    respelt = replace(imported, fingerprint="2")
    assert bring_up_to(respelt, deal, pipeline=flow, on=on()) == []


@given(sound_rows(), sound_rows())
def test_what_a_second_row_changes_it_changes_once(
    first: ImportedDeal, second: ImportedDeal
) -> None:
    flow = pipeline(strict=False)
    second = replace(second, fingerprint="2", created_at=None)
    deal = begin_deal(first, "d", pipeline=flow, on=on())[-1].after
    try:
        revisions = bring_up_to(second, deal, pipeline=flow, on=on())
    except Refusal as refusal:
        with pytest.raises(type(refusal)):
            bring_up_to(second, deal, pipeline=flow, on=on())
        return
    after = revisions[-1].after if revisions else deal
    assert after.version == deal.version + len(revisions)
    assert bring_up_to(second, after, pipeline=flow, on=on()) == []


def test_a_later_row_keeps_to_the_rules_that_the_first_was_spared() -> None:
    flow = pipeline(strict=True)
    said = Opening(details=Details(customer_id="c1"))
    begun = NOW - timedelta(days=9)
    deal = begin_deal(row(said=said, created_at=begun), "d", pipeline=flow, on=on())[-1].after
    closing = row("won", mark="2", said=said, created_at=begun, closed_at=NOW)
    with pytest.raises(StageSkipped):
        bring_up_to(closing, deal, pipeline=flow, on=on())


def test_closed_and_deleted_deals_take_no_other_row() -> None:
    flow = pipeline(strict=False)
    lost = row("lost", created_at=NOW, closed_at=NOW)
    deal = begin_deal(lost, "d", pipeline=flow, on=on())[-1].after
    with pytest.raises(DealAlreadyClosed):
        bring_up_to(replace(lost, fingerprint="2", competitor="A"), deal, pipeline=flow, on=on())
    deleted, _ = deal.delete(on=on())
    with pytest.raises(DealIsDeleted):
        bring_up_to(replace(lost, fingerprint="2"), deleted, pipeline=flow, on=on())


def test_when_a_deal_began_cannot_be_changed() -> None:
    flow = pipeline(strict=False)
    deal = begin_deal(row(created_at=NOW), "d", pipeline=flow, on=on())[-1].after
    earlier = row(mark="2", created_at=NOW - timedelta(days=1))
    with pytest.raises(FieldMismatch, match="was created at"):
        bring_up_to(earlier, deal, pipeline=flow, on=on())


def test_an_amount_in_the_base_currency_has_no_rate_and_others_a_dated_one() -> None:
    pricing = Pricing("USD", ZoneInfo("Asia/Shanghai"))
    dollars = Money(amount_minor=1, currency="USD")
    assert pricing.settle(with_rate(dollars, rate="1.00"), at=NOW) == dollars
    euros = Money(amount_minor=1, currency="EUR", rate="1.1")
    late = datetime(2026, 3, 2, 16, tzinfo=UTC)  # midnight in Shanghai
    assert pricing.settle(euros, at=late).rate_on == date(2026, 3, 3)
    for wrong in (
        with_rate(dollars, rate="1.01"),
        with_rate(euros, rate="0.000"),
        Money(amount_minor=1, currency="EUR", rate_on=date(2026, 3, 2)),
    ):
        with pytest.raises(FieldMismatch):
            pricing.settle(wrong, at=NOW)


def with_rate(money: Money, *, rate: str) -> Money:
    return Money(amount_minor=money.amount_minor, currency=money.currency, rate=rate)
