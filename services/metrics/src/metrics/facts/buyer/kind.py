"""The fact: all that was told of one buyer, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from metrics.engine.calendar import Period
from metrics.engine.company import Company
from metrics.engine.dimension import Cut
from metrics.engine.fact import Ref, Report, Said
from metrics.engine.moment import Moment, MomentKind
from metrics.engine.told import Record
from metrics.facts.buyer.loyalty import LOYALTY, Change, loyalty_moments
from metrics.facts.buyer.prospects import PROSPECTS, prospect_moments
from metrics.facts.buyer.purchases import Purchase, purchases_of, reporter_of
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

    def says(self, kind: MomentKind) -> bool:
        return kind in LOYALTY or kind in PROSPECTS

    def moments_of(self, records: Sequence[Record], company: Company, /) -> list[Moment]:
        return self.moments_in(None, records, company)

    def moments_in(
        self, periods: Sequence[Period] | None, records: Sequence[Record], company: Company, /
    ) -> list[Moment]:
        """The same with what is said of periods said of others than calendar ones."""
        seen = _seen(records, company)
        return [
            *prospect_moments(seen.records, seen.first, company=company, periods=periods),
            *loyalty_moments(
                seen.purchases, seen.active, company=company, named=seen.named, periods=periods
            ),
        ]

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
            return self.moments_of(before, company), self.moments_of(after, company)
        changed = [*_only_in(old.records, new.records), *_only_in(new.records, old.records)]
        slots = {reporter_of(record.slot) for record in changed}
        purchases = purchases_of(changed, company)
        days = {p.day for p in purchases} | set(_active(changed))
        change = Change([p.key for p in purchases], sorted(days))

        def said(seen: _Seen) -> list[Moment]:
            return [
                *prospect_moments(seen.records, seen.first, company=company, changed=slots),
                *loyalty_moments(
                    seen.purchases, seen.active, company=company, named=seen.named, change=change
                ),
            ]

        return said(old), said(new)

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
