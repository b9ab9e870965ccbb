"""What the bodies and answers of several routes share."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Request

from chassis.auth import Actor
from chassis.concurrency import ExpectedVersion
from chassis.resources import resources_of
from chassis.types import Code, CurrencyCode, Day, Instant, MinorAmount, RateText, StrictModel
from chassis.work import Work
from events import Money
from ops.errors.shared import (
    TeamNotYours,
)
from ops.store.changes import changed_since


class MoneyBody(StrictModel):
    """An amount in minor units; `rate` is base currency per major unit, as it was on `rate_on`."""

    amount_minor: MinorAmount
    currency: CurrencyCode
    rate: RateText | None = None
    rate_on: Day | None = None

    @classmethod
    def of(cls, money: Money) -> MoneyBody:
        return cls(
            amount_minor=money.amount_minor,
            currency=money.currency,
            rate=money.rate,
            rate_on=money.rate_on,
        )

    def money(self) -> Money:
        return Money(
            amount_minor=self.amount_minor,
            currency=self.currency,
            rate=self.rate,
            rate_on=self.rate_on,
        )


class DimensionsBody(StrictModel):
    """What a fact can be cut by; what is left out counts as `unknown`."""

    team: Code | None = None
    channel: Code | None = None
    segment: Code | None = None
    sector: Code | None = None
    region: Code | None = None
    product: Code | None = None


class Versioned(StrictModel):
    """What every answer begins with; `version` is the ETag."""

    id: str
    version: int


class Told(StrictModel):
    """A command that may say when it happened; that needs history:write."""

    occurred_at: Instant | None = None


async def _zone(request: Request) -> ZoneInfo:
    return resources_of(request).settings.time_zone


Zone = Annotated[ZoneInfo, Depends(_zone)]
"""The company's time zone: it decides which day an instant belongs to."""


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The company's day of an instant."""
    return at.astimezone(zone).date()


def own_team(actor: Actor, team: str | None, *, default: str | None = None) -> str | None:
    """The team that a new row belongs to. Raises TeamNotYours.

    Left out, it is the default (that of the project), else the actor's own if there is just one.
    """
    chosen = team or default
    if chosen is None and not actor.sees_all_teams and len(actor.teams) == 1:
        (chosen,) = actor.teams
    if not actor.sees_all_teams and chosen not in actor.teams:
        raise TeamNotYours(chosen)
    return chosen


async def refuse_stale(
    work: Work, expected: ExpectedVersion, *, subject_id: str, actual: int, current: StrictModel
) -> None:
    """Raise StaleVersion, with what changed meanwhile, unless the caller saw the actual version."""
    if expected.version is None or expected.version == actual:
        return
    changed = await changed_since(work, subject_id, expected.version)
    expected.check(actual, current=current, changed=changed)
