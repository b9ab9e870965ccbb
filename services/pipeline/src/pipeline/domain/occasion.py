"""Owns what a command knows besides the deal: when, by whom, and what surrounds the deal then.

Invariant: dimensions are those of the moment of the event. The customer's
profile and the team's territory are read when the command is given and frozen
into its event, so that nobody downstream must join streams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from events.types import Dimensions

if TYPE_CHECKING:
    from datetime import datetime


NO_DIMENSIONS: Final = Dimensions()
"""Nothing is known of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What this service knows about a deal's customer, lead and team at a moment."""

    customer: Dimensions = NO_DIMENSIONS
    lead: Dimensions = NO_DIMENSIONS
    territory: str | None = None

    def dimensions(
        self, *, team: str | None, product: str | None, channel: str | None
    ) -> Dimensions:
        """The cuts that a deal with these own values falls into.

        The deal's own value goes first, then the customer's, then the lead's; the
        region is the team's territory, because selling is organised by it.
        """
        customer, lead = self.customer, self.lead
        return Dimensions(
            team=team,
            product=product,
            channel=channel or customer.channel or lead.channel,
            segment=customer.segment or lead.segment,
            sector=customer.sector or lead.sector,
            region=self.territory or customer.region or lead.region,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """When a command takes effect, who gives it, and what surrounds the deal then."""

    at: datetime
    by: str
    around: Surroundings
