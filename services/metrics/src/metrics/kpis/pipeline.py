"""KPIs of what is on the way: how far deals come, what is to be expected, why they are lost."""

from __future__ import annotations

from metrics.engine.cohort import Funnel
from metrics.engine.expectation import Forecast
from metrics.engine.kpi import MONTHLY, WEEKLY, Amount
from metrics.engine.measure import Count, Money, at_end, binned, trailing
from metrics.facts.deal import DEAL_CREATED, DEAL_LOST
from metrics.facts.sale import SALE_DIMENSIONS
from metrics.facts.stages import (
    DEAL_EXPECTED,
    FUNNEL_DAYS,
    HORIZON_DAYS,
    STAGE_LOST,
    STAGE_WON,
    WON_STEP,
)

_STAGES_WON = binned(Count(STAGE_WON))
_A_YEAR = 365

STAGE_CONVERSION = Funnel(
    id="stage_conversion",
    name={"en": "Stage conversion", "zh": "阶段转化率"},
    better="up",
    grains=MONTHLY,
    dimensions=SALE_DIMENSIONS,
    reached=Count(DEAL_CREATED),
    last=WON_STEP,
    matures_after_days=FUNNEL_DAYS,
    formula={
        "en": f"of the deals created in the period, those won within {FUNNEL_DAYS} days;"
        " as a funnel: from each stage to the next, by the furthest stage reached",
        "zh": f"期内新建商机在{FUNNEL_DAYS}天内赢单的比例; 漏斗: 按最远阶段逐级转化",
    },
    source="house definition: by the furthest stage, which no skipped stage hides",
)

PIPELINE_WEIGHTED = Forecast(
    id="pipeline_weighted",
    name={"en": "Weighted forecast", "zh": "加权预测"},
    better="neither",
    grains=WEEKLY,
    dimensions=("owner", "team", "segment", "region", "product", "pipeline"),
    open=at_end(binned(Money(DEAL_EXPECTED))),
    n=at_end(binned(Count(DEAL_EXPECTED))),
    won=trailing(_STAGES_WON, days=_A_YEAR),
    decided=trailing(_STAGES_WON + binned(Count(STAGE_LOST)), days=_A_YEAR),
    formula={
        "en": f"open deals expected to close in the {HORIZON_DAYS} days from the end of the period,"
        " each times the share of the deals in its stage that were won in the last 365 days",
        "zh": f"期末起{HORIZON_DAYS}天内预计成交的在途商机金额, 乘以所在阶段近365天赢单占比",
    },
    source="house definition, after weighted amounts of CRM systems, with shares observed",
)

DEALS_LOST = Amount(
    id="deals_lost",
    name={"en": "Deals lost", "zh": "输单数"},
    better="down",
    grains=WEEKLY,
    dimensions=(*SALE_DIMENSIONS, "reason"),
    value=Count(DEAL_LOST),
    n=Count(DEAL_LOST),
    per="count",
    formula={"en": "deals lost, last episode, by closing day", "zh": "按关闭日统计的输单数"},
    source="house definition",
)
