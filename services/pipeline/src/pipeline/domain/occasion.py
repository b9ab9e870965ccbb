"""Owns what a command knows besides the deal: when, by whom, and what surrounds the deal then.

Invariant: dimensions are those of the moment of the event. The customer's
profile and the team's territory are read when the command is given and frozen
into its event, so that nobody downstream must join streams.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from events.types import Dimensions
from events.types.pipeline import LeadOrigin

NO_DIMENSIONS: Final = Dimensions()
"""Nothing is known of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What this service knows at a moment about the customers and teams that a deal may name."""

    customers: Mapping[str, Dimensions] = field(default_factory=dict)
    """A customer's id to its channel, segment, sector and region."""
    territories: Mapping[str, str | None] = field(default_factory=dict)
    """A team's code to the region that it sells in."""

    def dimensions(
        self,
        *,
        team: str | None,
        product: str | None,
        channel: str | None,
        customer_id: str | None,
        lead: LeadOrigin | None,
    ) -> Dimensions:
        """The cuts that a deal with these values falls into.

        The deal's own value goes first, then the customer's, then the lead's; the
        region is the team's territory, because selling is organised by it.
        """
        customer = self.customers.get(customer_id or "", NO_DIMENSIONS)
        origin = NO_DIMENSIONS if lead is None else lead.dimensions
        territory = self.territories.get(team or "")
        return Dimensions(
            team=team,
            product=product,
            channel=channel or customer.channel or origin.channel,
            segment=customer.segment or origin.segment,
            sector=customer.sector or origin.sector,
            region=territory or customer.region or origin.region,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """When a command takes effect, who gives it, and what surrounds the deal then."""

    at: datetime
    by: str
    around: Surroundings
