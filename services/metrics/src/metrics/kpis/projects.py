"""KPIs of projects: whether what was promised came when it was promised, and as."""

from __future__ import annotations

from metrics.engine.kpi import MONTHLY, WEEKLY, Ratio
from metrics.engine.measure import Count, Money, Quantity, at_end, elapsed_days
from metrics.facts.cost import COST_OF_PROJECT
from metrics.facts.earning import (
    PROJECT_CLOCK,
    PROJECT_EARNED,
    PROJECT_RUNNING,
    PROJECT_SCHEDULE,
)
from metrics.facts.project import (
    PROBATION_DAYS,
    PROJECT_ACCEPTED,
    PROJECT_COMPLETED,
    PROJECT_DIMENSIONS,
    PROJECT_DUE,
    PROJECT_DUE_REPLANNED,
    PROJECT_ON_TIME,
    PROJECT_ON_TIME_REPLANNED,
)

PROJECT_ON_TIME_RATE = Ratio(
    id="project_on_time",
    name={"en": "Projects on time", "zh": "按时完成率"},
    better="up",
    grains=MONTHLY,
    dimensions=PROJECT_DIMENSIONS,
    numerator=Count(PROJECT_ON_TIME),
    denominator=Count(PROJECT_DUE),
    rate=True,
    only_past_days=True,
    formula={
        "en": "projects completed by the due day of their first baseline / projects due by then",
        "zh": "按首个基线到期日前完成的项目÷到期项目",
    },
    source="house definition: by the first baseline",
)

PROJECT_ON_TIME_REPLANNED_RATE = Ratio(
    id="project_on_time_replanned",
    name={"en": "Projects on time by their latest plan", "zh": "按最新计划的按时完成率"},
    better="up",
    grains=MONTHLY,
    dimensions=PROJECT_DIMENSIONS,
    numerator=Count(PROJECT_ON_TIME_REPLANNED),
    denominator=Count(PROJECT_DUE_REPLANNED),
    rate=True,
    only_past_days=True,
    formula={
        "en": "projects completed by the due day of their latest baseline / projects due by then",
        "zh": "按最新基线到期日前完成的项目÷到期项目",
    },
    source="house definition: by the latest baseline",
)

PROJECT_ACCEPTANCE = Ratio(
    id="project_acceptance",
    name={"en": "Projects accepted at once", "zh": "项目完成质量"},
    better="up",
    grains=MONTHLY,
    dimensions=("owner", "team", "project"),
    numerator=Count(PROJECT_ACCEPTED),
    denominator=Count(PROJECT_COMPLETED),
    rate=True,
    matures_after_days=PROBATION_DAYS,
    formula={
        "en": "projects accepted first time, without critical defect in 30 days / completed",
        "zh": "一次验收通过且30天内无严重缺陷的项目÷已完成项目",
    },
    source="house definition",
)

CPI = Ratio(
    id="cpi",
    name={"en": "Cost performance index", "zh": "成本绩效"},
    better="up",
    grains=WEEKLY,
    dimensions=("team", "project"),
    numerator=at_end(Money(PROJECT_EARNED)),
    denominator=at_end(Money(COST_OF_PROJECT)),
    n=at_end(Count(PROJECT_EARNED)),
    formula={
        "en": "value earned so far / costs of projects so far, at the end of the period",
        "zh": "期末累计挣值÷期末累计项目成本",
    },
    source="PMI, Practice Standard for Earned Value Management",
)

SPI_T = Ratio(
    id="spi_t",
    name={"en": "Schedule performance index", "zh": "进度绩效"},
    better="up",
    grains=WEEKLY,
    dimensions=("team", "project"),
    numerator=at_end(Quantity(PROJECT_SCHEDULE)),
    denominator=elapsed_days(Quantity(PROJECT_RUNNING)) + at_end(Quantity(PROJECT_CLOCK)),
    n=at_end(Count(PROJECT_SCHEDULE)),
    formula={
        "en": "time after which the plan had earned as much / time that has passed, in minutes",
        "zh": "计划达到当前挣值所需时间÷实际经过时间 (挣得进度, 分钟)",
    },
    source="Lipke, Schedule is different, 2003",
)
