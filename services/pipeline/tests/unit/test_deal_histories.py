"""Whatever is commanded, in whatever order: what holds of every deal's history."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chassis.errors import Refusal
from events.money import Money
from events.types import EventData, Owner
from events.types.pipeline import DealStatus
from pipeline.domain.deal import Deal
from pipeline.domain.occasion import Occasion, Surroundings
from pipeline.domain.pipeline import Rules, Stage, StageType, design_pipeline
from pipeline.domain.record import Details, Opening
from pipeline.domain.revision import Revision, Step

STAGES = ("one", "two", "three", "hold", "won", "lost")


def _pipeline(*, allow_skip: bool, allow_back: bool) -> Any:
    kinds = ("open", "open", "open", "hold", "won", "lost")
    return design_pipeline(
        code="p",
        name={"en": "P"},
        rules=Rules(allow_skip=allow_skip, allow_back=allow_back),
        stages=[
            Stage(
                code=code,
                name={"en": code},
                order=order,
                type=StageType(kind),
                probability_bp=10_000 if kind == "won" else 0,
                required_fields=("amount",) if code == "three" else (),
            )
            for order, (code, kind) in enumerate(zip(STAGES, kinds, strict=True))
        ],
    )


class DealLife(RuleBasedStateMachine):
    """Gives commands, legal or not, and keeps what the store would keep."""

    @initialize(skip=st.booleans(), back=st.booleans(), customer=st.sampled_from([None, "c1"]))
    def open(self, *, skip: bool, back: bool, customer: str | None) -> None:
        self.pipeline = _pipeline(allow_skip=skip, allow_back=back)
        self.at = datetime(2026, 1, 1, tzinfo=UTC)
        opening = Opening(details=Details(customer_id=customer))
        deal, event = Deal.open("d", opening, pipeline=self.pipeline, on=self._on(0))
        self.deal = deal
        self.revisions = [Revision(before=None, after=deal, event=event, by="ann")]
        self.wins = 0

    def _on(self, hours: int) -> Occasion:
        self.at += timedelta(hours=hours)
        return Occasion(at=self.at, by="ann", around=Surroundings())

    def _give(self, command: str, hours: int, *arguments: Any, **named: Any) -> None:
        try:
            after, event = getattr(self.deal, command)(*arguments, on=self._on(hours), **named)
        except Refusal:
            return
        assert (event is None) == (after is self.deal)
        if event is not None:
            assert isinstance(event, EventData)
            self.revisions.append(Revision(before=self.deal, after=after, event=event, by="ann"))
            self.deal = after

    @rule(
        to=st.sampled_from(STAGES),
        hours=st.integers(0, 99),
        override=st.sampled_from([None, "because"]),
    )
    def move(self, to: str, hours: int, override: str | None) -> None:
        self._give("move", hours, to, pipeline=self.pipeline, override=override)

    @rule(hours=st.integers(0, 99), override=st.sampled_from([None, "because"]))
    def win(self, hours: int, override: str | None) -> None:
        self._give("win", hours, pipeline=self.pipeline, override=override)

    @rule(hours=st.integers(0, 99), reason=st.sampled_from(["price", "other"]))
    def lose(self, hours: int, reason: Literal["price", "other"]) -> None:
        self._give("lose", hours, reason, pipeline=self.pipeline)

    @rule(hours=st.integers(0, 99))
    def reopen(self, hours: int) -> None:
        self._give("reopen", hours, pipeline=self.pipeline)

    @rule(hours=st.integers(0, 99), minor=st.none() | st.integers(0, 10**15))
    def change_amount(self, hours: int, minor: int | None) -> None:
        amount = None if minor is None else Money(amount_minor=minor, currency="USD")
        self._give("change_amount", hours, amount, pipeline=self.pipeline)

    @rule(
        hours=st.integers(0, 99),
        weights=st.dictionaries(
            st.sampled_from("abc"), st.sampled_from([2500, 5000, 7500, 10_000])
        ),
    )
    def reassign(self, hours: int, weights: dict[str, int]) -> None:
        owners = tuple(Owner(owner_id=who, weight_bp=part) for who, part in weights.items())
        self._give("reassign", hours, owners, team=None, pipeline=self.pipeline)

    @rule(hours=st.integers(0, 99), customer=st.sampled_from(["c1", "c2"]))
    def revise(self, hours: int, customer: str) -> None:
        details = Details(customer_id=customer)
        self._give("revise", hours, details, pipeline=self.pipeline)

    @rule(hours=st.integers(0, 99), sure=st.integers(0, 9))
    def delete(self, hours: int, sure: int) -> None:
        if sure == 0:
            self._give("delete", hours)

    @invariant()
    def versions_are_contiguous_and_events_tell_the_state(self) -> None:
        for number, revision in enumerate(self.revisions, start=1):
            assert revision.after.version == number
            assert revision.event.deal == revision.after.state()  # type: ignore[attr-defined]

    @invariant()
    def won_lost_and_open_exclude_each_other(self) -> None:
        deal = self.deal
        closed: dict[DealStatus, bool] = {"open": False, "won": True, "lost": True}
        if deal.status in closed:
            assert (deal.closed_at is not None) == closed[deal.status]
            assert (deal.closed_from is not None) == closed[deal.status]
            kind = self.pipeline.stage(deal.stage).type
            assert kind == deal.status or (deal.status == "open" and kind == "hold")
        assert (deal.lost_reason is not None) <= (deal.status in ("lost", "deleted"))

    @invariant()
    def a_won_deal_has_a_customer(self) -> None:
        assert self.deal.status != "won" or self.deal.customer_id is not None

    @invariant()
    def owners_hold_the_whole(self) -> None:
        parts = [owner.weight_bp for owner in self.deal.owners]
        assert sum(parts) in (0, 10_000)

    @invariant()
    def episodes_count_reopenings(self) -> None:
        reopenings = sum(revision.kind == "deal.reopened" for revision in self.revisions)
        assert self.deal.episode == 1 + reopenings

    @invariant()
    def time_never_runs_backwards(self) -> None:
        for first, second in pairwise(revision.after.changed_at for revision in self.revisions):
            assert first <= second

    @invariant()
    def steps_tile_the_life(self) -> None:
        stays: list[tuple[Step, datetime | None]] = []
        for revision in self.revisions:
            if revision.leaves:
                stays[-1] = (stays[-1][0], revision.after.changed_at)
            if revision.step is not None:
                stays.append((revision.step, None))
        assert stays[0][0].entered_at == self.deal.created_at
        for (step, left_at), (following, _) in pairwise(stays):
            assert left_at == following.entered_at
            assert step.stage == following.from_stage
        last, left_at = stays[-1]
        assert last.stage == self.deal.stage
        assert (left_at is not None) == (self.deal.status == "deleted")


DealLife.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestDealLife = DealLife.TestCase
