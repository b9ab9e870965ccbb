"""What the diagnosis is made from: the funnel of new business, and what the base did."""

from __future__ import annotations

from typing import Final

from metrics.engine.kpi import Inputs
from metrics.engine.measure import Count, Money, at_start, before, binned, of_period
from metrics.facts.buyer.loyalty import BASE_ACTIVE, BASE_BUYER, BUYER_BASE, BUYER_NEW, PERIOD_SALE
from metrics.facts.buyer.prospects import (
    PROSPECT_CREATED,
    PROSPECT_DECIDED,
    PROSPECT_OPEN,
    PROSPECT_STALE,
    PROSPECT_WON,
)
from metrics.facts.buyer.records import BUYER_DIMENSIONS
from metrics.facts.sale import SALE_REFUNDED

_YEAR: Final = 365

FUNNEL: Final = Inputs(
    id="diagnosis.funnel",
    dimensions=BUYER_DIMENSIONS,
    parts={
        "opened": at_start(Count(PROSPECT_OPEN)),
        "created": Count(PROSPECT_CREATED),
        "stale": of_period(Count(PROSPECT_STALE)),
        "decided": Count(PROSPECT_DECIDED),
        "won": Count(PROSPECT_WON),
        "amount": Money(PROSPECT_WON),
    },
)
BASE: Final = Inputs(
    id="diagnosis.base",
    dimensions=BUYER_DIMENSIONS,
    parts={
        "base": at_start(binned(Count(BUYER_BASE))),
        "active": of_period(Count(BASE_ACTIVE)),
        "buyers": of_period(Count(BASE_BUYER)),
        "sales": of_period(Count(PERIOD_SALE)),
        "revenue": of_period(Money(PERIOD_SALE)),
        "acquired": before(Count(BUYER_NEW), days=_YEAR),
        "created": before(Count(PROSPECT_CREATED), days=_YEAR),
        "decided": before(Count(PROSPECT_DECIDED), days=_YEAR),
        "refunded": Money(SALE_REFUNDED),
    },
)

DIAGNOSIS_INPUTS: Final = (FUNNEL, BASE)
