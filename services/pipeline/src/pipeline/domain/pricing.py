"""Owns how an amount gets its rate: given and dated, or absent, never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Final

import msgspec

from events.money import Money
from pipeline.errors import FieldMismatch

_ONE: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class Pricing:
    """The company's base currency, and the zone that its days are in."""

    base_currency: str
    zone: tzinfo

    def settle(self, money: Money, *, at: datetime, field: str = "amount") -> Money:
        """The amount as it is kept: no rate in the base currency, a dated rate in others.

        A rate without a day is that of the day of `at`. Without a rate the amount
        is unpriced. Raises FieldMismatch.
        """
        if money.rate is None:
            if money.rate_on is not None:
                raise FieldMismatch(
                    f"{field}.rate_on",
                    "a day without a rate says nothing",
                    hint="give the rate too, or leave out rate_on",
                )
            return money
        rate = Decimal(money.rate)
        if rate <= 0:
            raise FieldMismatch(
                f"{field}.rate", "the rate is not above 0", hint="leave it out if it is not known"
            )
        if money.currency != self.base_currency:
            day = money.rate_on or at.astimezone(self.zone).date()
            return msgspec.structs.replace(money, rate_on=day)
        if rate != _ONE:
            raise FieldMismatch(
                f"{field}.rate",
                f"{money.currency} is the base currency, whose rate is 1",
                hint="leave out the rate",
            )
        return Money(amount_minor=money.amount_minor, currency=money.currency)
