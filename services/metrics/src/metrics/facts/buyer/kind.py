"""The fact: all that was told of one buyer, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeGuard

import msgspec

from metrics.engine.calendar import Period
from metrics.engine.company import Company
from metrics.engine.dimension import Cut
from metrics.engine.fact import Ref, Report, Said
from metrics.engine.moment import Moment, MomentKind
from metrics.engine.told import Record
from metrics.facts.buyer.loyalty import LOYALTY, Change, loyalty_moments
from metrics.facts.buyer.prospects import PROSPECTS, prospect_moments
from metrics.facts.buyer.purchases import Purchase, purchases_of
from metrics.facts.buyer.records import (
    BUYER,
    NAMELESS,
    PASSED_ON,
    Active,
    Dealt,
    Merged,
    Ordered,
    Told,
)


class Buyer(msgspec.Struct, frozen=True, array_like=True):
    """See `ToldKind`."""

    entries: list[tuple[int, str, Told, int]] = []


class BuyerKind:
    """See `ToldKind`. What a merged buyer is told goes on to the survivor."""

    name = BUYER
    empty = Buyer()
    record = Told

    def says(self, kind: MomentKind) -> bool:
        return kind in LOYALTY or kind in PROSPECTS

    def moments_of(self, records: Sequence[Record], company: Company, /) -> list[Moment]:
        return _all_moments(_seen(records, company), company)

    def moments_in(
        self,
        periods: Sequence[Period],
        records: Sequence[Record],
        company: Company,
        /,
        *,
        passes: Callable[[Cut], bool],
    ) -> list[Moment]:
        """What would not be said without the sales that pass speaks with all cuts that do."""
        passing = [r for r in records if _is_sale(r.body) and passes(r.body.cut)]
        if not passing:
            return []
        seen = _seen(records, company)
        if seen.first is not None and passes(seen.first.cut):
            return _all_moments(seen, company, periods=periods)
        return _moments_due_to(passing, seen, company, periods=periods)

    def difference(
        self, before: Sequence[Record], after: Sequence[Record], /, *, key: str, company: Company
    ) -> tuple[Said, Said]:
        lost, found = self._moments_between(before, after, company)
        return Said(lost, _passed_on(before, key=key)), Said(found, _passed_on(after, key=key))

    def _moments_between(
        self, before: Sequence[Record], after: Sequence[Record], company: Company
    ) -> tuple[list[Moment], list[Moment]]:
        old, new = _seen(before, company), _seen(after, company)
        if old.first != new.first or _survivor(before) != _survivor(after):
            return _all_moments(old, company), _all_moments(new, company)
        changed = [*_only_in(old.records, new.records), *_only_in(new.records, old.records)]
        return _moments_due_to(changed, old, company), _moments_due_to(changed, new, company)

    def days_of(self, records: Sequence[Record], company: Company, /) -> tuple[int, int] | None:
        days = [day for record in records for day in _days_of(record, company)]
        # A year says something on its first day, and a purchase something of the year after.
        return (min(days) - 366, max(days) + 732) if days else None

    def purchases(self, records: Sequence[Record], company: Company, /) -> list[Purchase]:
        """His own, in order; none of a customer who turned out to be another one, or of nobody."""
        own, _ = _parted(records)
        return purchases_of(own, company) if _are_named(own) else []

    def cuts_of(self, state: Buyer, /) -> list[Cut]:
        told = (body for _, _, body, _ in state.entries)
        return [body.cut for body in told if isinstance(body, Dealt | Ordered)]

    def problems(self, _state: Buyer, /) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class _Seen:
    """What counts at one buyer."""

    records: Sequence[Record]
    purchases: Sequence[Purchase]
    active: Sequence[int]
    first: Purchase | None
    named: bool
    """Whether it is known who bought."""


def _all_moments(
    seen: _Seen, company: Company, *, periods: Sequence[Period] | None = None
) -> list[Moment]:
    """What is said of periods is said of their own, or of these."""
    return [
        *prospect_moments(seen.records, seen.first, company=company, periods=periods),
        *loyalty_moments(
            seen.purchases, seen.active, company=company, named=seen.named, periods=periods
        ),
    ]


def _moments_due_to(
    some: Sequence[Record],
    seen: _Seen,
    company: Company,
    *,
    periods: Sequence[Period] | None = None,
) -> list[Moment]:
    """All that a buyer would not say without some records; his first purchase would be the same."""
    slots = {record.slot for record in some}
    own = [record for record in seen.records if record.slot in slots]
    said = prospect_moments(own, seen.first, company=company, periods=periods, are_all=False)
    purchases = purchases_of(some, company)
    days = {p.day for p in purchases} | set(_active(some))
    if days:
        said += loyalty_moments(
            seen.purchases,
            seen.active,
            company=company,
            named=seen.named,
            periods=periods,
            change=Change([p.key for p in purchases], sorted(days)),
        )
    return said


def _is_sale(told: Told) -> TypeGuard[Dealt | Ordered]:
    return isinstance(told, Dealt | Ordered)


def _passed_on(records: Sequence[Record], *, key: str) -> list[Report]:
    """What the survivor is told, if the buyer turned out to be another one."""
    survivor, others = _survivor(records), _parted(records)[1]
    return [Report(Ref(BUYER, survivor), f"{key}{PASSED_ON}{r.slot}", r.body) for r in others]


def _only_in(records: Sequence[Record], others: Iterable[Record]) -> list[Record]:
    """Those that the others do not have; a slot has one record."""
    known = dict(others)
    return [record for record in records if known.get(record.slot) != record.body]


def _seen(records: Sequence[Record], company: Company) -> _Seen:
    own, _ = _parted(records)
    purchases = purchases_of(own, company)
    first = next((purchase for purchase in purchases if purchase.kept), None)
    return _Seen(own, purchases, _active(own), first, _are_named(own))


def _are_named(records: Iterable[Record]) -> bool:
    return not any(record.slot.startswith(NAMELESS) for record in records)


def _active(records: Iterable[Record]) -> list[int]:
    return sorted({r.body.day for r in records if isinstance(r.body, Active)})


def _days_of(record: Record, company: Company) -> tuple[int, ...]:
    match record.body:
        case Active(day=day):
            return (day,)
        case Ordered(paid=paid):
            return (company.day(paid),)
        case Dealt(created=created, closed=closed):
            ends = () if closed is None else (company.day(closed),)
            return (company.day(created), *ends)
    return ()


def _survivor(records: Iterable[Record]) -> str:
    return next((r.body.survivor for r in records if isinstance(r.body, Merged)), "")


def _parted(records: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """What counts here, and what goes on to the survivor.

    Where customers were merged in a circle, what has come round once stays.
    """
    survivor = _survivor(records)
    told = [r for r in records if not isinstance(r.body, Merged)]
    if not survivor:
        return told, []
    stays: list[Record] = []
    goes: list[Record] = []
    for record in told:
        been = record.slot.split(PASSED_ON)[:-1]
        (stays if survivor in been else goes).append(record)
    return stays, goes
