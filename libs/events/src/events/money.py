"""Money as it travels in events: exact, in integer minor units, with its rate frozen.

Invariant: no float ever holds an amount. A rate that is not known is absent,
never 1: such an amount is counted as unpriced and not guessed.
"""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Final

import msgspec

MAX_MINOR: Final = 10**15
"""Largest amount of one fact: sums of a million of them still fit a signed 64-bit cell."""

# Python's `$` also matches before a newline at the end; JSON Schema's does not. Hence `(?!\n)$`.
CurrencyCode = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Z]{3}(?!\n)$", description="ISO 4217 code")
]
DecimalText = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9]{1,9}(\.[0-9]{1,12})?(?!\n)$", description="decimal number as text"
    ),
]

MinorUnits = Annotated[
    int, msgspec.Meta(ge=0, le=MAX_MINOR, description="amount in minor units, such as cents")
]

_MINOR_DIGITS: Final = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"), 0),
    **dict.fromkeys(("UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def minor_digits(currency: str) -> int:
    """Decimal digits of the currency's minor unit (ISO 4217): JPY 0, USD 2, KWD 3."""
    return _MINOR_DIGITS.get(currency, 2)


class Money(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An amount with the rate to the company's base currency as it was on `rate_on`.

    `rate` is base currency per one major unit of `currency`; absent means that
    no rate was known. In the base currency itself it may be left out.
    """

    amount_minor: Annotated[int, msgspec.Meta(ge=-MAX_MINOR, le=MAX_MINOR)]
    currency: CurrencyCode
    rate: DecimalText | None = None
    rate_on: date | None = None

    def in_base_minor(self, base_currency: str) -> int | None:
        """The amount in minor units of `base_currency`, rounded half-even; None if unpriced.

        What a rate takes beyond MAX_MINOR is unpriced as well: no column would hold its sums.
        """
        if self.currency == base_currency:
            return self.amount_minor
        if self.rate is None:
            return None
        shift = minor_digits(base_currency) - minor_digits(self.currency)
        exact = Decimal(self.amount_minor) * Decimal(self.rate) * Decimal(10) ** shift
        minor = int(exact.to_integral_value(ROUND_HALF_EVEN))
        return minor if abs(minor) <= MAX_MINOR else None
