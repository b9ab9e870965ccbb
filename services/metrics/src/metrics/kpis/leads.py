"""KPIs of leads: what becomes of the interest that people show."""

from __future__ import annotations

from metrics.engine.kpi import DAILY, WEEKLY, Quantile, Ratio
from metrics.engine.measure import Count, Histogram
from metrics.facts.lead import (
    CONVERSION_DAYS,
    LEAD_CAPTURED,
    LEAD_CONTACTED,
    LEAD_CONVERTED,
    LEAD_DIMENSIONS,
    LEAD_QUALIFIED,
)

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
    source="house definition: of cohorts, once they have had their time",
)

FIRST_RESPONSE_MIN = Quantile(
    id="first_response_min",
    name={"en": "First response", "zh": "首次响应"},
    better="down",
    grains=DAILY,
    dimensions=("owner", "team", "channel"),
    values=Histogram(LEAD_CONTACTED),
    floor=1,
    per="minutes",
    sketched=True,
    censored=Count(LEAD_CAPTURED) - Count(LEAD_CONTACTED),
    formula={
        "en": "median working minutes from capture to first contact, by day of capture,"
        " within 1 %; leads not contacted yet are counted as censored",
        "zh": "从线索获取到首次联系的工作分钟中位数 (按获取日, 误差1%以内; 未联系的另计)",
    },
    source="house definition, in working hours",
)

LEAD_QUALIFICATION = Ratio(
    id="lead_qualification",
    name={"en": "Lead qualification", "zh": "线索合格率"},
    better="up",
    grains=WEEKLY,
    dimensions=LEAD_DIMENSIONS,
    numerator=Count(LEAD_QUALIFIED),
    denominator=Count(LEAD_CAPTURED),
    rate=True,
    formula={
        "en": "leads captured in the period that are qualified or converted / leads captured",
        "zh": "期内线索中合格或已转化的比例",
    },
    source="house definition",
)
