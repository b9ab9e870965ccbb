"""KPIs of cost: what running the house costs, and whether that was planned."""

from __future__ import annotations

from metrics.engine.kpi import MONTHLY, Amount, Ratio, Variant
from metrics.engine.measure import Count, Money, target
from metrics.facts.cost import COST_DIMENSIONS, COST_OF_PROJECT, COST_OPERATING
from metrics.facts.project import PROJECT_BUDGET
from metrics.facts.target import target_of

BUDGET = target(target_of("operating_cost"))

OPERATING_COST = Amount(
    id="operating_cost",
    name={"en": "Operating cost", "zh": "运营成本"},
    better="down",
    grains=MONTHLY,
    dimensions=COST_DIMENSIONS,
    value=Money(COST_OPERATING),
    n=Count(COST_OPERATING),
    formula={"en": "operating costs by the day incurred", "zh": "按发生日汇总的运营成本"},
    source="kpis.md operating_cost",
)

COST_CONTROL = Ratio(
    id="cost_control",
    name={"en": "Budget variance", "zh": "成本控制"},
    better="down",
    grains=MONTHLY,
    dimensions=("team", "project", "process"),
    numerator=Money(COST_OPERATING) - BUDGET,
    denominator=BUDGET,
    n=Count(COST_OPERATING),
    variants={
        "project": Variant(
            numerator=Money(COST_OF_PROJECT) - Money(PROJECT_BUDGET),
            denominator=Money(PROJECT_BUDGET),
            n=Count(COST_OF_PROJECT),
        )
    },
    formula={
        "en": "(actual - budget) / budget; by project: all its costs against its first baseline",
        "zh": "(实际-预算)÷预算 (按项目时: 项目全部成本与首个基线预算之比)",
    },
    source="kpis.md cost_control",
)
