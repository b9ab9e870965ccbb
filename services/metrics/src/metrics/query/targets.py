"""Values against their targets: how much is reached, and where it ends if it goes on like this.

Any KPI can have targets, by the company, one member of a dimension or one of each of two, for a
month, quarter or year. They are few, and are read as facts when somebody asks for them; only
KPIs that are made of a target (revenue_attainment) have it in their cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from metrics.engine.calendar import Grain, Period, periods_between
from metrics.engine.company import Company
from metrics.engine.dimension import DIMENSIONS, Cut
from metrics.engine.kpi import Kpi
from metrics.engine.measure import COUNT_SCALE
from metrics.engine.row import Row
from metrics.engine.sums import Known, Members
from metrics.engine.units import Number
from metrics.facts.target import Target, target_of
from metrics.query.answer import Answer
from metrics.query.question import Question
from metrics.query.scan import read_facts
from metrics.query.source import Source

_LENGTHS: Final = (12, 3, 1)
"""Months of a target's period: what a year is made of, the longest first."""
_GRAINS: Final = {12: Grain.YEAR, 3: Grain.QUARTER, 1: Grain.MONTH}
Scope = frozenset[tuple[str, str]]
"""Dimensions with their members; without any it is the company."""


@dataclass(frozen=True, kw_only=True)
class AgainstTarget:
    """A value beside its target. Without a target there is nothing to say, and `target` is None.

    `to_date` is the part of it that is due by the working days that have begun, for what adds up
    over time. `attainment` is the share of the target that is reached, `pace` that of `to_date`.
    `run_rate` is what the period comes to if the rest of its working days bring as much as
    those so far; levels and rates stay what they are. `on_track` is whether that meets the
    target, in the direction in which the KPI is better.
    """

    target: Number | None = None
    to_date: Number | None = None
    attainment: float | None = None
    pace: float | None = None
    run_rate: Number | None = None
    on_track: bool | None = None
    keys: Sequence[str] = ()
    """Of the facts that set it."""


NO_TARGET: Final = AgainstTarget()


@dataclass(frozen=True)
class Targets:
    """The targets of one KPI that lie in the periods of a question."""

    question: Question
    known: Known
    found: Mapping[tuple[int, int, Scope], Sequence[tuple[str, Target]]]
    """By first day, months and scope: keys and targets."""

    def against(self, row: Row) -> AgainstTarget:
        members, currency = row.members, None
        if self._is_as_booked:
            *told, booked = members
            members, currency = tuple(told), None if booked == self._base else booked
        scope = _scope_of(self.question, members)
        parts = [] if scope is None else self._parts(row.period, scope, currency)
        if not parts:
            return NO_TARGET
        goal = sum(target.value or 0 for _, target in parts)
        keys = [key for key, _ in parts]
        return _against(row, goal, kpi=self.question.kpi, known=self.known, keys=keys)

    def lacking(self, period: Period) -> list[Period]:
        """What has to be set so that the whole company's, or the only member's, target of the
        period is known: the parts that are not while others are, else the period itself.
        """
        scope = _scope_of(self.question, ())
        for length in _LENGTHS:
            parts = list(_parts_of(period, length))
            missing = [part for part in parts if not self._has(part, length, scope)]
            if missing and len(missing) < len(parts):
                return missing
        return [period]

    def _has(self, part: Period, length: int, scope: Scope | None) -> bool:
        if scope is None:
            return False
        told = self.found.get((part.start, length, scope), ())
        return any(target.currency is None for _, target in told)

    @property
    def _is_as_booked(self) -> bool:
        """Whether each row names the currency of its money last."""
        return self.question.currency is not None and self.question.currency.rates_on is None

    @property
    def _base(self) -> str:
        return self.known.company.base_currency

    def _parts(
        self, period: Period, scope: Scope, currency: str | None
    ) -> Sequence[tuple[str, Target]]:
        """The target of the period itself, else of what adds up those of all its parts; only in
        the currency of the row, which is None for the base currency.
        """
        months = period.grain.months or 0
        adds_up = _adds_up(self.question.kpi)
        lengths = _LENGTHS if adds_up else (months,)
        for length in lengths:
            if not length or months % length:
                continue
            found = [
                one
                for (start, of_length, of_scope), several in self.found.items()
                if of_length == length and of_scope == scope and period.start <= start < period.end
                for one in several
                if not self._is_as_booked or one[1].currency == currency
            ]
            # Several for one scope and period only mean something where they add up.
            whole = len(found) == months // length or (adds_up and length == months)
            if found and whole and all(target.currency == currency for _, target in found):
                return found
        return []


async def read_targets(
    source: Source, answered: Answer, *, known_at: Mapping[Period, int] | None = None
) -> Targets:
    """The targets that the rows of an answer can be measured against, as they were known then.

    `known_at` is the second in which the figures of each period were published.
    """
    question = answered.question
    asked = [question]
    if known_at is not None:
        asked = [replace(question, periods=(p,), as_of=at) for p, at in known_at.items()]
    kept: list[tuple[str, Target]] = []
    for one in asked:
        days = one.periods[0].start, one.periods[-1].end
        reading = read_facts(source, (target_of(one.kpi.id),), _as_kept, question=one, days=days)
        # Of a longer period some days lie in this one; its target belongs to none of them.
        kept += [(r.key, t) async for r, t in reading if days[0] <= t.start < days[1]]
    return targets_among(question, answered.known, kept)


def targets_among(question: Question, known: Known, kept: Iterable[tuple[str, Target]]) -> Targets:
    """Those that a question can be measured against, of all by key."""
    found: dict[tuple[int, int, Scope], list[tuple[str, Target]]] = {}
    for key, target in kept:
        if target.kpi == question.kpi.id and target.value is not None and target.scoped:
            place = target.start, target.months, _scope_in(target.cut)
            found.setdefault(place, []).append((key, target))
    return Targets(question, known, found)


def _as_kept(_kind: str, target: Target, _company: Company) -> Target:
    return target


def _scope_in(cut: Cut) -> Scope:
    members = zip(DIMENSIONS, cut, strict=True)
    return frozenset((name, member) for name, member in members if isinstance(member, str))


def _scope_of(question: Question, members: Members) -> Scope | None:
    """What a row is about; None where a filter lets several members of a dimension through."""
    named = dict(zip(question.by, members, strict=False))
    for dimension, wanted in question.filters.items():
        if dimension not in named:
            if len(wanted) > 1:
                return None
            [named[dimension]] = wanted
    return frozenset(named.items())


def _parts_of(period: Period, months: int) -> Iterator[Period]:
    """The periods of so many months that a longer one is made of; none if it is no longer."""
    if months < (period.grain.months or 0):
        yield from periods_between(
            period.start, period.end, _GRAINS[months], first_month=period.first_month
        )


def _adds_up(kpi: Kpi) -> bool:
    return kpi.kind == "additive"


def _against(row: Row, goal: int, *, kpi: Kpi, known: Known, keys: Sequence[str]) -> AgainstTarget:
    due = known.prorated(goal, row.period) if _adds_up(kpi) else goal
    target, to_date = (_in_unit(kpi, amount) for amount in (goal, due))
    value = row.value
    if value is None:
        return AgainstTarget(target=target, to_date=to_date, keys=keys)
    run_rate = _run_rate(kpi, value, known.share_gone(row.period))
    return AgainstTarget(
        target=target,
        to_date=to_date,
        attainment=value / target if target else None,
        pace=value / to_date if to_date else None,
        run_rate=run_rate,
        on_track=None if run_rate is None else _meets(kpi, run_rate, target),
        keys=keys,
    )


def _in_unit(kpi: Kpi, amount: int) -> Number:
    """Targets are kept in minor units, or in ten-thousandths of the KPI's unit."""
    if kpi.unit == "money":
        return amount
    return amount // COUNT_SCALE if amount % COUNT_SCALE == 0 else amount / COUNT_SCALE


def _run_rate(kpi: Kpi, value: Number, gone: Fraction | None) -> Number | None:
    if not _adds_up(kpi) or gone == 1:
        return value
    if not gone:
        return None
    whole = Fraction(value) / gone
    return round(whole) if kpi.unit == "money" else float(whole)


def _meets(kpi: Kpi, value: Number, target: Number) -> bool | None:
    match kpi.better:
        case "up":
            return value >= target
        case "down":
            return value <= target
        case _:
            return None
