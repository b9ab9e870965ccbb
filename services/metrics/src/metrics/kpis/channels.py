"""KPIs of channels: what it costs to be found."""

from __future__ import annotations

from metrics.engine.kpi import MONTHLY, Ratio
from metrics.engine.measure import Count, Money
from metrics.facts.cost import COST_OF_CAMPAIGN
from metrics.facts.lead import LEAD_CAPTURED

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
    source="kpis.md channel_cpl",
)
