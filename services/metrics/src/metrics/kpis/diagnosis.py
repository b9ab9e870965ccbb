"""What the diagnosis is made from: the funnel of new business, what the base did, how amounts
spread, and revenue and losses by two dimensions at once.

What a diagnosis can be limited to is kept together with what it is cut by, and for whole
months, as nobody diagnoses less: so a scope is read from cells, and few of them.
"""

from __future__ import annotations

from itertools import combinations
from typing import Final

from metrics.engine.kpi import Inputs
from metrics.engine.measure import Count, Money, at_start, binned, crossed, of_period
from metrics.facts.buyer.loyalty import (
    BASE_ACTIVE,
    BASE_BUYER,
    BUYER_AGAIN,
    BUYER_BASE,
    BUYER_NEW,
    PERIOD_SALE,
)
from metrics.facts.buyer.prospects import (
    PROSPECT_CREATED,
    PROSPECT_DECIDED,
    PROSPECT_LISTED,
    PROSPECT_OPEN,
    PROSPECT_STALE,
    PROSPECT_WON,
)
from metrics.facts.buyer.records import BUYER_DIMENSIONS
from metrics.facts.cost import COST_ACQUISITION, COST_OPERATING
from metrics.facts.deal import DEAL_LOST
from metrics.facts.lead import LEAD_CAPTURED, LEAD_CONVERTED, LEAD_CONVERTED_SOON
from metrics.facts.process_run import RUN_COMPLETED
from metrics.facts.sale import SALE_REFUNDED
from metrics.kpis.sales import NET_REVENUE, SALES

SCOPES: Final = ("team", "channel", "segment", "region", "product")
"""What a diagnosis can be limited to, and drills into: never a person."""

_BY_CHANNEL: Final = (("channel",), *(("channel", name) for name in SCOPES if name != "channel"))
_PAIRS: Final = tuple(combinations(SCOPES, 2))
_BY_REASON: Final = tuple(("reason", name) for name in SCOPES)

FUNNEL: Final = Inputs(
    id="diagnosis.funnel",
    dimensions=SCOPES,
    parts={
        "opened": crossed(at_start(Count(PROSPECT_OPEN)), *_BY_CHANNEL),
        "created": crossed(Count(PROSPECT_CREATED), *_BY_CHANNEL),
        "stale": crossed(of_period(Count(PROSPECT_STALE)), *_BY_CHANNEL),
        "decided": crossed(Count(PROSPECT_DECIDED), *_BY_CHANNEL),
        "won": crossed(Count(PROSPECT_WON), *_BY_CHANNEL),
        "amount": crossed(Money(PROSPECT_WON), *_BY_CHANNEL),
        "listed": crossed(Count(PROSPECT_LISTED), *_BY_CHANNEL),
        "list_value": crossed(Money(PROSPECT_LISTED), *_BY_CHANNEL),
    },
)
LEADS: Final = Inputs(
    id="diagnosis.leads",
    dimensions=SCOPES,
    parts={"captured": crossed(Count(LEAD_CAPTURED), *_BY_CHANNEL)},
)
CONVERSION: Final = Inputs(
    id="diagnosis.conversion",
    dimensions=SCOPES,
    parts={
        "captured": crossed(Count(LEAD_CAPTURED), *_BY_CHANNEL),
        "converted": crossed(Count(LEAD_CONVERTED), *_BY_CHANNEL),
        "soon": crossed(Count(LEAD_CONVERTED_SOON), *_BY_CHANNEL),
    },
)
"""p30 = p90 x (p30 / p90): the second tells fewer sales, the third slower ones."""
BASE: Final = Inputs(
    id="diagnosis.base",
    dimensions=BUYER_DIMENSIONS,
    parts={
        "base": at_start(binned(Count(BUYER_BASE))),
        "active": of_period(Count(BASE_ACTIVE)),
        "buyers": of_period(Count(BASE_BUYER)),
        "sales": of_period(Count(PERIOD_SALE)),
        "revenue": of_period(Money(PERIOD_SALE)),
        "acquired": Count(BUYER_NEW),
    },
)
REFUNDS: Final = Inputs(
    id="diagnosis.refunds",
    dimensions=SCOPES,
    parts={"refunded": Money(SALE_REFUNDED)},
)
DEAL_SIZES: Final = Inputs(
    id="diagnosis.deal_sizes",
    dimensions=("channel",),
    parts={"deals": crossed(binned(Count(PROSPECT_WON)), ("channel",))},
)
BASKET_SIZES: Final = Inputs(
    id="diagnosis.basket_sizes",
    dimensions=(),
    parts={"baskets": crossed(binned(Count(BUYER_AGAIN)), ())},
)
REVENUE: Final = Inputs(
    id="diagnosis.revenue",
    dimensions=SCOPES,
    parts={"revenue": crossed(NET_REVENUE, *_PAIRS), "sales": crossed(SALES, *_PAIRS)},
)
LOST: Final = Inputs(
    id="diagnosis.lost",
    dimensions=(*SCOPES, "reason"),
    parts={"lost": crossed(Count(DEAL_LOST), ("reason",), *_BY_REASON)},
)

ACQUISITION: Final = Inputs(
    id="diagnosis.acquisition",
    dimensions=("channel",),
    parts={"cost": Money(COST_ACQUISITION), "count": Count(LEAD_CAPTURED)},
)
WORK: Final = Inputs(
    id="diagnosis.work",
    dimensions=("process",),
    parts={"cost": Money(COST_OPERATING), "count": Count(RUN_COMPLETED)},
)

DIAGNOSIS_INPUTS: Final = (
    *(FUNNEL, LEADS, CONVERSION, BASE, REFUNDS, DEAL_SIZES, BASKET_SIZES, REVENUE, LOST),
    *(ACQUISITION, WORK),
)
