"""KPIs of operations: how well work is done again and again, and how much time is used."""

from __future__ import annotations

from metrics.engine.kpi import WEEKLY, Amount, Ratio, Variant
from metrics.engine.measure import Count, Quantity, priced, where_priced
from metrics.facts.capacity import CAPACITY
from metrics.facts.process import PROCESS_MINUTES
from metrics.facts.process_run import (
    RUN_COMPLETED,
    RUN_DEFECTS,
    RUN_FLAWLESS,
    RUN_MINUTES,
    RUN_OPPORTUNITIES,
    RUN_TIMED,
)
from metrics.facts.time_log import TIME_DIMENSIONS, TIME_LOGGED, TIME_PRODUCTIVE

FIRST_PASS_YIELD = Ratio(
    id="first_pass_yield",
    name={"en": "First-pass yield", "zh": "一次通过率"},
    better="up",
    grains=WEEKLY,
    dimensions=("team", "process"),
    numerator=Count(RUN_FLAWLESS),
    denominator=Count(RUN_COMPLETED),
    rate=True,
    formula={
        "en": "runs without rework or defect / runs completed; a ticket is a run of support",
        "zh": "无返工无缺陷的执行÷已完成执行 (工单视为support流程的一次执行)",
    },
    source="Six Sigma: first pass yield",
)

ERROR_RATE = Ratio(
    id="error_rate",
    name={"en": "Error rate", "zh": "出错率"},
    better="down",
    grains=WEEKLY,
    dimensions=("team", "process"),
    numerator=Quantity(RUN_DEFECTS),
    denominator=Quantity(RUN_OPPORTUNITIES),
    n=Count(RUN_OPPORTUNITIES),
    per="ppm",
    times=1_000_000,
    rate=True,
    formula={
        "en": "1,000,000 x defects / opportunities for them, on the day of the run",
        "zh": "每百万出错机会的缺陷数, 按执行日",
    },
    source="Six Sigma: defects per million opportunities",
)

UTILIZATION = Ratio(
    id="utilization",
    name={"en": "Utilisation", "zh": "资源利用率"},
    better="neither",
    grains=WEEKLY,
    dimensions=TIME_DIMENSIONS,
    numerator=Quantity(TIME_PRODUCTIVE),
    denominator=Quantity(CAPACITY),
    n=Count(CAPACITY),
    variants={
        dimension: Variant(
            numerator=Quantity(TIME_PRODUCTIVE),
            denominator=Quantity(TIME_LOGGED),
            n=Count(TIME_LOGGED),
        )
        for dimension in ("project", "process")
    },
    formula={
        "en": "productive minutes / (capacity - leave); by project or process / minutes logged",
        "zh": "有效工时÷(可用工时-休假) (按项目或流程时: ÷已登记工时)",
    },
    source="house definition",
)

TIME_SAVED = Amount(
    id="time_saved",
    name={"en": "Time saved", "zh": "节省工时"},
    better="up",
    grains=WEEKLY,
    dimensions=("team", "process"),
    value=priced(Quantity(RUN_TIMED), by=PROCESS_MINUTES, along="process")
    - where_priced(Quantity(RUN_MINUTES), by=PROCESS_MINUTES, along="process"),
    n=where_priced(Count(RUN_TIMED), by=PROCESS_MINUTES, along="process"),
    per="hours",
    divided_by=60,
    formula={
        "en": "(units x baseline minutes - minutes of work) / 60, over runs that have a baseline",
        "zh": "(按基线应耗分钟-实际分钟)÷60, 仅含有基线的执行",
    },
    source="house definition: against the minutes of the baseline that was in force",
)
