"""Exchange rates: what one unit of a currency was worth on a day, as a partner publishes it.

They say no moments: events freeze the rate that they were priced with. They are for looking at
all amounts at the rate of one day (see `query/currencies.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from events.types.market import FxRatePublished
from metrics.engine.company import Company, day_number
from metrics.engine.entry import Entry
from metrics.engine.moment import Moment, MomentKind


class FxRate(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The last rate that one source told of a pair and day; `told` is when, in microseconds."""

    currency: str = ""
    base: str = ""
    day: int = 0
    rate: str | None = None
    told: int = 0


class FxRateKind:
    """See `FactKind`."""

    name = "fx"
    empty = FxRate()

    def says(self, _kind: MomentKind) -> bool:
        return False

    def apply(self, state: FxRate, entry: Entry, /, *, key: str, company: Company) -> FxRate:  # noqa: ARG002 - as FactKind
        data = entry.data
        if not isinstance(data, FxRatePublished):
            return state
        return FxRate(
            data.currency,
            data.base_currency,
            day_number(data.rate_on),
            data.rate,
            entry.occurred,
        )

    def moments(self, _state: FxRate, _company: Company, /) -> list[Moment]:
        return []

    def problems(self, state: FxRate, /) -> tuple[str, ...]:
        return ("rate_is_zero",) if state.rate is not None and not Decimal(state.rate) else ()


def rates_on(day: int, published: Iterable[FxRate], *, base: str) -> dict[str, str]:
    """The rate of each currency on a day, or the latest before; of several the one told last.

    A rate of zero is a mistake, and prices nothing.
    """
    found: dict[str, FxRate] = {}
    for one in sorted(published, key=lambda rate: (rate.day, rate.told, rate.rate or "")):
        if one.base == base and one.day <= day and one.rate is not None and Decimal(one.rate):
            found[one.currency] = one
    return {currency: one.rate for currency, one in found.items() if one.rate is not None}
