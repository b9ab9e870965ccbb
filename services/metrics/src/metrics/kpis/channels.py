"""KPIs of channels: what it costs to be found, and whether it pays."""

from __future__ import annotations

from metrics.engine.kpi import MONTHLY, Ratio
from metrics.engine.measure import Count, Money
from metrics.facts.cost import COST_OF_CAMPAIGN
from metrics.facts.lead import EARNING_DAYS, LEAD_CAPTURED, LEAD_EARNED

CHANNEL_CPL = Ratio(
    id="channel_cpl",
    name={"en": "Cost per lead", "zh": "渠道获客单价"},
    better="down",
    grains=MONTHLY,
    dimensions=("channel", "region", "product"),
    numerator=Money(COST_OF_CAMPAIGN),
    denominator=Count(LEAD_CAPTURED),
    per="money",
    formula={
        "en": "costs of campaigns by the day incurred / leads captured",
        "zh": "按发生日汇总的活动费用÷获取线索数",
    },
    source="house definition, after cost per lead of advertising",
)

CHANNEL_ROI = Ratio(
    id="channel_roi",
    name={"en": "Channel return", "zh": "渠道效率"},
    better="up",
    grains=MONTHLY,
    dimensions=("channel", "region", "product"),
    numerator=Money(LEAD_EARNED) - Money(COST_OF_CAMPAIGN),
    denominator=Money(COST_OF_CAMPAIGN),
    n=Count(LEAD_EARNED),
    matures_after_days=EARNING_DAYS,
    formula={
        "en": "(revenue within 365 days from leads of the period, less refunds, "
        "- costs of campaigns) / costs of campaigns",
        "zh": "(期内线索365天内的净成交额-活动费用)÷活动费用",
    },
    source="house definition, after Farris et al., Marketing Metrics: marketing ROI",
)
