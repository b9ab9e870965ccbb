"""KPIs of customers: what they are worth, whether they stay, how often they come back."""

from __future__ import annotations

from metrics.engine.kpi import MONTHLY, Ratio
from metrics.engine.measure import Count, Money, at_start, binned, of_period
from metrics.facts.buyer.loyalty import (
    BANDS,
    BASE_BUYER,
    BUYER_BASE,
    BUYER_NEW,
    BUYER_REPEATED,
    BUYER_VALUE,
    PERIOD_SALE,
    RENEWABLE,
    RENEWED,
    REPEAT_DAYS,
    VALUE_MONTHS,
)
from metrics.facts.buyer.records import BUYER_DIMENSIONS
from metrics.facts.cost import COST_ACQUISITION

CUSTOMERS_BASE = at_start(binned(Count(BUYER_BASE)))
BASE_BUYERS = of_period(Count(BASE_BUYER))

CAC = Ratio(
    id="cac",
    name={"en": "Acquisition cost", "zh": "获客成本"},
    better="down",
    grains=MONTHLY,
    dimensions=("channel", "segment", "region", "product"),
    numerator=Money(COST_ACQUISITION),
    denominator=Count(BUYER_NEW),
    per="money",
    formula={
        "en": "costs of acquisition by the day incurred / customers who first bought",
        "zh": "按发生日汇总的获客费用÷首购客户数",
    },
    source="Farris et al., Marketing Metrics: average acquisition cost",
)

CLV_OBSERVED = Ratio(
    id="clv_observed",
    name={"en": "Customer lifetime value", "zh": "客户生命周期价值"},
    better="up",
    grains=MONTHLY,
    dimensions=BUYER_DIMENSIONS,
    numerator=binned(Money(BUYER_VALUE), until=VALUE_MONTHS),
    denominator=Count(BUYER_NEW),
    per="money",
    matures_after_days=366,
    formula={
        "en": "revenue of their first 12 months from customers who first bought in the period, "
        "less refunds / those customers",
        "zh": "期内首购客户在12个月内的净收入÷首购客户数",
    },
    source="house definition, after Farris et al., Marketing Metrics: customer lifetime value",
)

CUSTOMER_RETENTION = Ratio(
    id="customer_retention",
    name={"en": "Customer retention", "zh": "客户保留率"},
    better="up",
    grains=MONTHLY,
    dimensions=BUYER_DIMENSIONS,
    numerator=BASE_BUYERS,
    denominator=CUSTOMERS_BASE,
    rate=True,
    formula={
        "en": "customers with a purchase in the 365 days before who bought in the period "
        "/ all customers with one",
        "zh": "期前365天内购买且期内再次购买的客户÷期前365天内购买的客户",
    },
    source="Farris et al., Marketing Metrics: retention rate",
)

REPEAT_PURCHASE_RATE = Ratio(
    id="repeat_purchase_rate",
    name={"en": "Repeat purchase", "zh": "重复购买率"},
    better="up",
    grains=MONTHLY,
    dimensions=BUYER_DIMENSIONS,
    numerator=Count(BUYER_REPEATED),
    denominator=Count(BUYER_NEW),
    rate=True,
    matures_after_days=REPEAT_DAYS,
    formula={
        "en": "customers who first bought in the period and again within 180 days / those who "
        "first bought in it",
        "zh": "期内首购并在180天内再次购买的客户÷期内首购客户",
    },
    source="house definition: of cohorts, once they have had their time",
)

PURCHASE_FREQUENCY = Ratio(
    id="purchase_frequency",
    name={"en": "Purchase frequency", "zh": "购买频次"},
    better="up",
    grains=MONTHLY,
    dimensions=BUYER_DIMENSIONS,
    numerator=of_period(Count(PERIOD_SALE), first=0, until=BANDS),
    denominator=BASE_BUYERS,
    formula={
        "en": "sales in the period to customers with a purchase in the 365 days before "
        "/ those of them who bought",
        "zh": "期前365天内购买的客户在期内的购买次数÷其中期内购买的客户数",
    },
    source="house definition",
)

NET_REVENUE_RETENTION = Ratio(
    id="net_revenue_retention",
    name={"en": "Net revenue retention", "zh": "净收入留存"},
    better="up",
    grains=MONTHLY,
    dimensions=BUYER_DIMENSIONS,
    numerator=of_period(Money(RENEWED)),
    denominator=of_period(Money(RENEWABLE)),
    n=of_period(Count(RENEWABLE)),
    formula={
        "en": "revenue in the period from customers who bought in the same period a year before "
        "/ their revenue then",
        "zh": "去年同期购买客户本期的净收入÷其去年同期净收入",
    },
    source="house definition, after net revenue retention as subscription companies report it",
)
