"""What facts say in other currencies than the base one: as it was booked, or at other rates.

A fact keeps its amounts as they were booked. With these priced otherwise, it says the same
moments with other amounts; no kind of fact needs to know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from events.money import Money
from events.types import UNKNOWN
from metrics.engine.company import Company
from metrics.engine.moment import Moment
from metrics.facts import moments_of
from metrics.facts.cost import (
    COST_ACQUISITION,
    COST_OF_CAMPAIGN,
    COST_OF_PROJECT,
    COST_OPERATING,
)
from metrics.facts.deal import DEAL_OPEN, DEAL_WON
from metrics.facts.lead import LEAD_EARNED
from metrics.facts.order import ORDER_PAID
from metrics.facts.sale import SALE_REFUNDED, Amount
from metrics.facts.stages import DEAL_EXPECTED

State = TypeVar("State")
Price = Callable[[Amount], int | None]

BOOKED: Final = (
    *(DEAL_WON, DEAL_OPEN, DEAL_EXPECTED, ORDER_PAID, SALE_REFUNDED),
    *(COST_OPERATING, COST_ACQUISITION, COST_OF_CAMPAIGN, COST_OF_PROJECT),
)
"""Each of these is said of one amount that was booked, whatever it is worth."""
REPRICED: Final = (*BOOKED, LEAD_EARNED)
"""What of other amounts is worked out anew when they are priced otherwise."""


def repriced(state: State, price: Price) -> State:
    """A fact's state with all amounts at another price (None: unpriced)."""
    found: Any = state
    if isinstance(state, Amount):
        found = msgspec.structs.replace(state, base=price(state))
    elif isinstance(state, tuple):
        found = tuple(repriced(part, price) for part in state)
    elif isinstance(state, dict):
        found = {key: repriced(value, price) for key, value in state.items()}
    elif isinstance(state, msgspec.Struct):
        fields = {name: getattr(state, name) for name in state.__struct_fields__}
        changed = {name: repriced(value, price) for name, value in fields.items()}
        found = msgspec.structs.replace(state, **changed)
    return found  # type: ignore[no-any-return]


def at_rates(rates: dict[str, str], company: Company) -> Price:
    """The price of amounts in base minor units, at one rate for each currency."""

    def price(amount: Amount) -> int | None:
        booked = Money(
            amount_minor=amount.minor,
            currency=amount.currency,
            rate=rates.get(amount.currency),
        )
        return booked.in_base_minor(company.base_currency)

    return price


def booked_moments(kind: str, state: Any, company: Company) -> list[tuple[str, Moment]]:
    """The moments of BOOKED kinds, each with its currency, and its amount in minor units of it.

    What has no amount at all has no currency, and is UNKNOWN.
    """
    found = [(UNKNOWN, moment) for moment in _booked(kind, state, company)]
    for currency in sorted(_currencies_of(state)):
        alone = repriced(state, lambda a, c=currency: a.minor if a.currency == c else None)  # type: ignore[misc]
        for place, moment in enumerate(_booked(kind, alone, company)):
            if moment.minor is not None:
                found[place] = currency, moment
    return found


def _booked(kind: str, state: Any, company: Company) -> list[Moment]:
    """Which ones there are, and in which order, depends on no price."""
    return [moment for moment in moments_of(kind, state, company) if moment.kind in BOOKED]


def _currencies_of(state: Any) -> set[str]:
    found: set[str] = set()

    def note(amount: Amount) -> None:
        found.add(amount.currency)

    repriced(state, note)
    return found
