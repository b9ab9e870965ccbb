"""KPIs of leads: what becomes of the interest that people show."""

from __future__ import annotations

from metrics.engine.kpi import WEEKLY, Ratio
from metrics.engine.measure import Count
from metrics.facts.lead import CONVERSION_DAYS, LEAD_CAPTURED, LEAD_CONVERTED, LEAD_DIMENSIONS

LEAD_CONVERSION = Ratio(
    id="lead_conversion",
    name={"en": "Lead conversion", "zh": "转化率"},
    better="up",
    grains=WEEKLY,
    dimensions=LEAD_DIMENSIONS,
    numerator=Count(LEAD_CONVERTED),
    denominator=Count(LEAD_CAPTURED),
    rate=True,
    matures_after_days=CONVERSION_DAYS,
    formula={
        "en": "leads captured in the period that led to a sale within 90 days / leads captured",
        "zh": "期内线索在90天内成交的比例",
    },
    source="kpis.md lead_conversion",
)
