"""KPIs of sales: what was sold, how often we win, how fast, and what is on the way."""

from __future__ import annotations

from metrics.engine.kpi import DAILY, MONTHLY, WEEKLY, Amount, Quantile, Ratio
from metrics.engine.measure import Count, Histogram, Money, Unpriced, at_end, at_start, target
from metrics.facts.deal import DEAL_CREATED, DEAL_LOST, DEAL_OPEN, DEAL_WON
from metrics.facts.order import ORDER_PAID
from metrics.facts.sale import SALE_DIMENSIONS, SALE_REFUNDED
from metrics.facts.target import target_of

NET_REVENUE = Money(DEAL_WON) + Money(ORDER_PAID) - Money(SALE_REFUNDED)
SALES = Count(DEAL_WON) + Count(ORDER_PAID)
DECIDED = Count(DEAL_WON) + Count(DEAL_LOST)

REVENUE_NET = Amount(
    id="revenue_net",
    name={"en": "Net revenue", "zh": "销售额"},
    better="up",
    grains=DAILY,
    dimensions=SALE_DIMENSIONS,
    value=NET_REVENUE,
    n=SALES,
    formula={"en": "sales by closing day - refunds by their own day", "zh": "成交额-退款额"},
    source="house definition, after closed won revenue of CRM systems, less refunds",
)

REVENUE_ATTAINMENT = Ratio(
    id="revenue_attainment",
    name={"en": "Revenue against target", "zh": "目标达成率"},
    better="up",
    grains=MONTHLY,
    dimensions=("owner", "team", "segment", "region", "product"),
    numerator=NET_REVENUE,
    denominator=target(target_of("revenue_net")),
    n=SALES,
    formula={
        "en": "net revenue / target of the same scope, while it runs prorated by working days",
        "zh": "销售额÷同范围目标 (进行中的期间按工作日折算)",
    },
    source="house definition, after quota attainment of CRM systems",
)

WIN_RATE = Ratio(
    id="win_rate",
    name={"en": "Win rate", "zh": "赢单率"},
    better="up",
    grains=WEEKLY,
    dimensions=SALE_DIMENSIONS,
    numerator=Count(DEAL_WON),
    denominator=DECIDED,
    rate=True,
    formula={
        "en": "won / (won + lost), last episode, by closing day",
        "zh": "赢单数÷(赢单数+输单数)",
    },
    source="house definition, after closed won / closed of CRM systems",
)

DECISION_RATE = Ratio(
    id="decision_rate",
    name={"en": "Decision rate", "zh": "商机决策率"},
    better="up",
    grains=WEEKLY,
    dimensions=SALE_DIMENSIONS,
    numerator=DECIDED,
    denominator=at_start(Count(DEAL_OPEN)) + Count(DEAL_CREATED),
    rate=True,
    formula={
        "en": "closed in the period / (open at its start + created in it)",
        "zh": "期内关闭数÷(期初在途数+期内新建数)",
    },
    source="house definition",
)

SALES_CYCLE_DAYS = Quantile(
    id="sales_cycle_days",
    name={"en": "Sales cycle", "zh": "销售周期"},
    better="down",
    grains=WEEKLY,
    dimensions=SALE_DIMENSIONS,
    values=Histogram(DEAL_WON),
    still_open=DEAL_OPEN,
    floor=5,
    formula={
        "en": "median local days from first contact (lead captured, else deal created) to won",
        "zh": "从首次接触到赢单的天数中位数",
    },
    source="house definition; with open deals: Kaplan and Meier, 1958",
)

AVG_DEAL_VALUE = Ratio(
    id="avg_deal_value",
    name={"en": "Average deal value", "zh": "客单价"},
    better="up",
    grains=WEEKLY,
    dimensions=SALE_DIMENSIONS,
    numerator=Money(DEAL_WON),
    denominator=Count(DEAL_WON) - Unpriced(DEAL_WON),
    per="money",
    formula={
        "en": "amount won / deals won that have a priced amount",
        "zh": "赢单金额÷已定价赢单数",
    },
    source="house definition, after the average deal size of CRM systems",
)

PIPELINE_OPEN = Amount(
    id="pipeline_open",
    name={"en": "Open pipeline", "zh": "在途商机"},
    better="neither",
    grains=DAILY,
    dimensions=SALE_DIMENSIONS,
    value=at_end(Money(DEAL_OPEN)),
    n=at_end(Count(DEAL_OPEN)),
    ageing=True,
    formula={"en": "amount of the deals open at the end of the period", "zh": "期末在途商机金额"},
    source="house definition, after the open pipeline of CRM systems",
)
