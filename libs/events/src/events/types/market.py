"""Events about the world outside (context `partner`): how large the market is, what money costs."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec

from events.money import CurrencyCode, DecimalText, Money
from events.types.base import Code, EventData, Id, Period


class MarketSizeReported(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """What everybody together sold in a scope and period; a later revision replaces the earlier.

    `published_by` names the study or the statistics office. `provisional` figures
    are expected to be revised.
    """

    wire_type = "com.tandem.partner.market.size_reported.v1"
    topic = "partner"
    from_partners = True

    report_id: Id
    scope: Literal["company", "segment", "region", "product"]
    scope_value: Code | None = None
    period: Period
    size: Money
    published_by: Code | None = None
    revision: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    provisional: bool = False

    @property
    def subject(self) -> str:
        return self.report_id


class FxRatePublished(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """What one unit of `currency` was worth in `base_currency` on a day."""

    wire_type = "com.tandem.partner.fx.rate_published.v1"
    topic = "partner"
    from_partners = True

    currency: CurrencyCode
    base_currency: CurrencyCode
    rate_on: date
    rate: DecimalText

    @property
    def subject(self) -> str:
        """One pair on one day: a later event about it replaces the earlier."""
        return f"{self.currency}/{self.base_currency}/{self.rate_on.isoformat()}"

    @property
    def counts_on(self) -> date:
        return self.rate_on
