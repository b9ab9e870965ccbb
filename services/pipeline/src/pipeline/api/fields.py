"""Parts that several bodies and answers share."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import Depends, Request
from pydantic import Field, StringConstraints

from chassis.resources import resources_of
from chassis.types import (
    Code,
    CurrencyCode,
    Day,
    Id,
    Instant,
    MinorAmount,
    RateText,
    StrictModel,
    Text,
)
from events.money import Money
from events.types import Dimensions, Owner
from pipeline.domain.pricing import Pricing

MOST_OWNERS: Final = 20

LostReasonText = Literal[
    "price", "competitor", "no_budget", "no_decision", "service", "fit", "other"
]
"""What a person may say; imports may also say `unknown`."""

PeriodText = Annotated[
    str, StringConstraints(pattern=r"^(19|20|21)[0-9]{2}(-(Q[1-4]|0[1-9]|1[0-2]))?$")
]
"""A year, quarter or month: 2017, 2017-Q1, 2017-03."""


class MoneyBody(StrictModel):
    """An amount; `rate` is base currency per unit of `currency`, on the day `rate_on`."""

    amount_minor: MinorAmount
    currency: CurrencyCode
    rate: RateText | None = None
    rate_on: Day | None = None

    def money(self) -> Money:
        """The same as events carry it."""
        return Money(
            amount_minor=self.amount_minor,
            currency=self.currency,
            rate=self.rate,
            rate_on=self.rate_on,
        )

    @classmethod
    def of(cls, money: Money | None) -> MoneyBody | None:
        """The answer about an amount."""
        if money is None:
            return None
        return cls(
            amount_minor=money.amount_minor,
            currency=money.currency,
            rate=money.rate,
            rate_on=money.rate_on,
        )


class OwnerBody(StrictModel):
    """One owner's part of a deal, in basis points; the parts of a deal sum to 10000."""

    owner_id: Id
    weight_bp: Annotated[int, Field(gt=0, le=10_000)]

    def owner(self) -> Owner:
        """The same as events carry it."""
        return Owner(owner_id=self.owner_id, weight_bp=self.weight_bp)


OwnersBody = Annotated[list[OwnerBody], Field(max_length=MOST_OWNERS)]


class DimensionsView(StrictModel):
    """What the thing can be cut by in KPIs."""

    team: Code | None
    channel: Code | None
    segment: Code | None
    sector: Code | None
    region: Code | None
    product: Code | None

    @classmethod
    def of(cls, dimensions: Dimensions) -> DimensionsView:
        return cls(
            team=dimensions.team,
            channel=dimensions.channel,
            segment=dimensions.segment,
            sector=dimensions.sector,
            region=dimensions.region,
            product=dimensions.product,
        )


class Dated(StrictModel):
    """A command that may say when it happened, with the permission history:write."""

    occurred_at: Instant | None = None


class Because(Dated):
    """A command that says why."""

    reason: Text


async def _pricing(request: Request) -> Pricing:
    settings = resources_of(request).settings
    return Pricing(settings.base_currency, settings.time_zone)


PricingDep = Annotated[Pricing, Depends(_pricing)]
