"""KPIs of feedback: what customers say of us when they are asked."""

from __future__ import annotations

from metrics.engine.kpi import MONTHLY, WEEKLY, Ratio
from metrics.engine.measure import Count
from metrics.facts.survey import (
    CSAT_RESPONDED,
    CSAT_SATISFIED,
    NPS_DETRACTOR,
    NPS_PROMOTER,
    NPS_RESPONDED,
    SALES_CSAT_RESPONDED,
    SALES_CSAT_SATISFIED,
    SURVEY_DIMENSIONS,
)

CSAT = Ratio(
    id="csat",
    name={"en": "Customer satisfaction", "zh": "客户满意度"},
    better="up",
    grains=WEEKLY,
    dimensions=SURVEY_DIMENSIONS,
    numerator=Count(CSAT_SATISFIED),
    denominator=Count(CSAT_RESPONDED),
    rate=True,
    floor=10,
    formula={
        "en": "answers of at least four fifths of their scale / answers, from 10 on",
        "zh": "评分达到量表五分之四及以上的答卷÷全部答卷 (至少10份)",
    },
    source="Farris et al., Marketing Metrics: customer satisfaction, the top boxes",
)

SALES_CSAT = Ratio(
    id="sales_csat",
    name={"en": "Feedback on the sales process", "zh": "销售过程满意度"},
    better="up",
    grains=MONTHLY,
    dimensions=("owner", "team", "channel", "segment", "sector"),
    numerator=Count(SALES_CSAT_SATISFIED),
    denominator=Count(SALES_CSAT_RESPONDED),
    rate=True,
    floor=10,
    formula={
        "en": "answers of at least four fifths of their scale / answers, asked at the sale",
        "zh": "销售触点上评分达到量表五分之四及以上的答卷÷该触点全部答卷 (至少10份)",
    },
    source="Farris et al., Marketing Metrics: customer satisfaction, the top boxes",
)

NPS = Ratio(
    id="nps",
    name={"en": "Net promoter score", "zh": "推荐值(忠诚)"},
    better="up",
    grains=MONTHLY,
    dimensions=("channel", "segment", "sector"),
    numerator=Count(NPS_PROMOTER) - Count(NPS_DETRACTOR),
    denominator=Count(NPS_RESPONDED),
    per="points",
    times=100,
    balance=True,
    floor=30,
    formula={
        "en": "100 x (scores of 9 and 10 - scores of 0 to 6) / answers, from 30 on",
        "zh": "推荐者(9-10分)百分比-贬损者(0-6分)百分比 (至少30份)",
    },
    source="Reichheld, The one number you need to grow, 2003",
)
