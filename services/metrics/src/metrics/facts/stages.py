"""What was true of a deal from when on: its worth and cut, its stage, when it was expected.

Stages are told apart by a number that is made of their names, so that a company's pipelines
can change without a table that must be kept in step.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from zlib import crc32

import msgspec

from events.types.pipeline import DealCreated, DealLost, DealState, DealWon
from metrics.engine.company import DAY, Company, day_number
from metrics.engine.dimension import NOWHERE, Cut
from metrics.engine.moment import Moment, MomentKind
from metrics.facts.sale import SALE_DIMENSIONS, Amount

FUNNEL_DAYS: Final = 90
"""A stage counts as reached when that was less than so many times 24 hours after the creation."""
WON_STEP: Final = 20
"""The funnel's last step; open stages from this rank on share the one before it."""
HORIZON_DAYS: Final = 90
"""How far ahead a forecast looks: deals expected to close in so many days from a point in time."""

DEAL_EXPECTED: Final = MomentKind(
    name="deal.expected",
    cube="deal.expected",
    dimensions=SALE_DIMENSIONS,
    stock=True,
    events=(DealCreated,),
)
"""Open deals while their expected closing lies within the horizon, by stage."""
STAGE_WON: Final = MomentKind(
    name="deal.stage_won", cube="deal.stage", dimensions=(), events=(DealWon,)
)
"""On the closing day, for each stage that a won deal was in."""
STAGE_LOST: Final = MomentKind(
    name="deal.stage_lost", cube="deal.stage", dimensions=(), events=(DealLost,)
)

_NEVER: Final = 2**62


class Span(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was true of the deal from an instant on: its amount and its cut."""

    since: int
    amount: Amount | None
    cut: Cut

    @property
    def base(self) -> int | None:
        return None if self.amount is None else self.amount.base


class Stage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where a deal stood from an instant on; `code` is None if it was first heard of closed."""

    since: int
    code: int | None
    rank: int
    expected: int | None
    """Day on which the deal is expected to close."""


@lru_cache(maxsize=4_096)
def code_of(pipeline: str, stage: str) -> int:
    """A stage's number; it fits the bin of a cell."""
    return crc32(f"{pipeline}/{stage}".encode()) & 0x7FFF_FFFF


def with_stage(stages: tuple[Stage, ...], deal: DealState, *, at: int) -> tuple[Stage, ...]:
    """The stages after an event. What a closed deal is in is none; a lost one keeps its rank."""
    last = stages[-1] if stages else Stage(at, None, 0, None)
    rank = last.rank if deal.status == "won" else deal.stage_rank
    code, expected = last.code, last.expected
    if deal.status == "open":
        code, on = code_of(deal.pipeline, deal.stage), deal.expected_close_on
        expected = None if on is None else day_number(on)
    if stages and (code, rank, expected) == (last.code, last.rank, last.expected):
        return stages
    return (*stages, Stage(at, code, rank, expected))


def furthest_step(stages: Sequence[Stage], *, created: int, won: int | None) -> int:
    """The highest step reached in time; what was skipped counts as reached. `won` is when."""
    until = created + FUNNEL_DAYS * DAY
    if won is not None and won < until:
        return WON_STEP
    ranks = [stage.rank for stage in stages if stage.since < until]
    return min(max(ranks, default=0), WON_STEP - 1)


def stage_moments(stages: Sequence[Stage], *, on: int, won: bool) -> list[Moment]:
    """What a closing says of each stage that the deal was in."""
    codes = dict.fromkeys(stage.code for stage in stages if stage.code is not None)
    kind = STAGE_WON if won else STAGE_LOST
    return [Moment(kind, on, NOWHERE, bin=code) for code in codes]


def expected_moments(
    stages: Sequence[Stage],
    spans: Sequence[Span],
    *,
    created: int,
    closed: int | None,
    company: Company,
) -> list[Moment]:
    """When the deal came within the horizon and when it left it, as it was at the time.

    Runs for every event of a deal, hence without objects for what lasts from when to when.
    """
    said = []
    day = company.day
    over = _NEVER if closed is None else closed
    stage_ends = [*(stage.since for stage in stages[1:]), over]
    span_ends = [*(span.since for span in spans[1:]), over]
    for stage, stage_end in zip(stages, stage_ends, strict=True):
        code, expected = stage.code, stage.expected
        if code is None or expected is None:
            continue
        for span, span_end in zip(spans, span_ends, strict=True):
            since, end = max(stage.since, span.since, created), min(stage_end, span_end, over)
            if end <= since:
                continue
            first = max(day(since), expected - HORIZON_DAYS)
            last = expected if end == _NEVER else min(day(end), expected)
            if first < last:
                said.append(Moment(DEAL_EXPECTED, first, span.cut, 1, span.base, code))
                said.append(Moment(DEAL_EXPECTED, last, span.cut, -1, span.base, code))
    return said
