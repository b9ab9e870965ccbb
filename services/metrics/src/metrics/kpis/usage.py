"""KPIs of usage: who uses what we offer, how often, and who comes back."""

from __future__ import annotations

from metrics.engine.calendar import Grain
from metrics.engine.cohort import Curve
from metrics.engine.kpi import Amount, Ratio
from metrics.engine.measure import Count, at_end, trailing
from metrics.facts.user import (
    OLDEST,
    USAGE_DIMENSIONS,
    USER_BEGAN,
    USER_IN_MONTH,
    USER_LAST_SEEN,
    USER_ON_DAY,
    USER_STAYED,
    WINDOW_DAYS,
)

_ACTIVE_IN_MONTH = at_end(Count(USER_IN_MONTH))

DAU = Amount(
    id="dau",
    name={"en": "Daily active users", "zh": "日活"},
    better="up",
    grains=(Grain.DAY,),
    dimensions=USAGE_DIMENSIONS,
    value=Count(USER_ON_DAY),
    n=Count(USER_ON_DAY),
    per="count",
    formula={"en": "different users active on the local day", "zh": "当日活跃的不同用户数"},
    source="house definition, after daily active users of web analytics",
)

MAU = Amount(
    id="mau",
    name={"en": "Monthly active users", "zh": "月活"},
    better="up",
    grains=(Grain.DAY,),
    dimensions=USAGE_DIMENSIONS,
    value=_ACTIVE_IN_MONTH,
    n=_ACTIVE_IN_MONTH,
    per="count",
    formula={
        "en": "different users active in the 28 days up to the end of the day",
        "zh": "截至当日末28天内活跃的不同用户数",
    },
    source="house definition, after active users of 28 days of web analytics",
)

STICKINESS = Ratio(
    id="stickiness",
    name={"en": "Stickiness (DAU/MAU)", "zh": "活跃粘性"},
    better="up",
    grains=(Grain.DAY, Grain.MONTH),
    dimensions=USAGE_DIMENSIONS,
    numerator=trailing(Count(USER_ON_DAY), days=WINDOW_DAYS),
    denominator=_ACTIVE_IN_MONTH,
    divided_by=WINDOW_DAYS,
    rate=True,
    every_day=Count(USER_ON_DAY),
    formula={
        "en": "mean daily active users of the 28 days up to the end / users active in them",
        "zh": "截至期末28天的日活均值÷月活",
    },
    source="house definition, after DAU / MAU of web analytics",
)

USER_RETENTION = Curve(
    id="user_retention",
    name={"en": "User retention", "zh": "用户留存率"},
    better="up",
    grains=tuple(OLDEST),
    dimensions=USAGE_DIMENSIONS,
    began=Count(USER_BEGAN),
    at_age=Count(USER_STAYED),
    last=Count(USER_LAST_SEEN),
    oldest=OLDEST,
    formula={
        "en": "of the users first active in the period, those active again `age` periods later"
        " (default 1; `unbounded`: then or later)",
        "zh": "期内首次活跃的用户中, 第 age 期 (默认1) 仍活跃的比例 (unbounded: 该期或以后)",
    },
    source="house definition: of cohorts, bounded and unbounded",
)
