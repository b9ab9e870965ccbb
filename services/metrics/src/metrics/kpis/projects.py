"""KPIs of projects: whether what was promised came when it was promised."""

from __future__ import annotations

from metrics.engine.kpi import MONTHLY, Ratio
from metrics.engine.measure import Count
from metrics.facts.project import PROJECT_DIMENSIONS, PROJECT_DUE, PROJECT_ON_TIME

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
    source="kpis.md project_on_time",
)
