"""The fact: all that was told of one buyer, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from metrics.engine.calendar import Period
from metrics.engine.company import Company
from metrics.engine.fact import Ref, Report
from metrics.engine.moment import Moment, MomentKind
from metrics.engine.told import Record
from metrics.facts.buyer.loyalty import LOYALTY, loyalty_moments
from metrics.facts.buyer.prospects import PROSPECTS, prospect_moments
from metrics.facts.buyer.purchases import Purchase, purchases_of
from metrics.facts.buyer.records import BUYER, PASSED_ON, Active, Merged, Told


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
        own, _ = _parted(records)
        purchases = purchases_of(own, company)
        active = sorted({r.body.day for r in own if isinstance(r.body, Active)})
        first = next((purchase for purchase in purchases if purchase.kept), None)
        return [
            *prospect_moments(own, first, company=company, periods=periods),
            *loyalty_moments(purchases, active, periods=periods),
        ]

    def purchases(self, records: Sequence[Record], company: Company, /) -> list[Purchase]:
        """His own, in order; none of a customer who turned out to be another one."""
        own, _ = _parted(records)
        return purchases_of(own, company)

    def reports_of(self, records: Sequence[Record], /, *, key: str) -> list[Report]:
        survivor, others = _survivor(records), _parted(records)[1]
        return [Report(Ref(BUYER, survivor), f"{key}{PASSED_ON}{r.slot}", r.body) for r in others]

    def problems(self, _state: Buyer, /) -> tuple[str, ...]:
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
    stays = [r for r in told if survivor in r.slot.split(PASSED_ON)[:-1]]
    return stays, [r for r in told if r not in stays]
