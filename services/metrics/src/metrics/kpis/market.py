"""KPIs of the market: how much of what everybody sold was ours."""

from __future__ import annotations

from metrics.engine.kpi import MONTHLY, Ratio
from metrics.engine.measure import target
from metrics.facts.market import MARKET_DIMENSIONS, MARKET_SIZE
from metrics.kpis.sales import NET_REVENUE, SALES

MARKET_SHARE = Ratio(
    id="market_share",
    name={"en": "Market share", "zh": "市场份额"},
    better="up",
    grains=MONTHLY,
    dimensions=MARKET_DIMENSIONS,
    numerator=NET_REVENUE,
    denominator=target(MARKET_SIZE),
    n=SALES,
    unset="no_denominator",
    formula={
        "en": "net revenue / size of the market of the same scope and period, as last revised",
        "zh": "销售额÷同范围同期市场规模 (取最新修订)",
    },
    source="Farris et al., Marketing Metrics: revenue market share",
)
