"""KPIs of cost: what running the house costs, and whether that was planned."""

from __future__ import annotations

from metrics.engine.kpi import MONTHLY, Amount, Ratio, Variant
from metrics.engine.measure import Count, Money, Quantity, priced, target, where_priced
from metrics.facts.cost import COST_DIMENSIONS, COST_OF_PROJECT, COST_OPERATING
from metrics.facts.order import ORDER_PAID
from metrics.facts.process import PROCESS_UNIT_COST
from metrics.facts.process_run import RUN_COMPLETED, RUN_UNITS
from metrics.facts.project import PROJECT_BUDGET
from metrics.facts.target import target_of

BUDGET = target(target_of("operating_cost"))
AT_BASELINE = priced(Quantity(RUN_UNITS), by=PROCESS_UNIT_COST, along="process")
OF_BASELINED = where_priced(Money(COST_OPERATING), by=PROCESS_UNIT_COST, along="process")

OPERATING_COST = Amount(
    id="operating_cost",
    name={"en": "Operating cost", "zh": "运营成本"},
    better="down",
    grains=MONTHLY,
    dimensions=COST_DIMENSIONS,
    value=Money(COST_OPERATING),
    n=Count(COST_OPERATING),
    formula={"en": "operating costs by the day incurred", "zh": "按发生日汇总的运营成本"},
    source="house definition",
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
    source="house definition, after budget variance",
)

UNIT_OPERATING_COST = Ratio(
    id="unit_operating_cost",
    name={"en": "Operating cost per unit", "zh": "单位成本"},
    better="down",
    grains=MONTHLY,
    dimensions=("team", "region", "process"),
    numerator=Money(COST_OPERATING),
    denominator=Count(ORDER_PAID),
    per="money",
    variants={
        "process": Variant(
            numerator=Money(COST_OPERATING),
            denominator=Count(RUN_COMPLETED),
            n=Count(RUN_COMPLETED),
        )
    },
    formula={
        "en": "operating costs / orders paid; by process / its runs completed",
        "zh": "运营成本÷付款订单数 (按流程时: ÷已完成执行数)",
    },
    source="house definition",
)

COST_REDUCTION = Ratio(
    id="cost_reduction",
    name={"en": "Cost reduction", "zh": "成本降低幅度"},
    better="up",
    grains=MONTHLY,
    dimensions=("team", "process"),
    numerator=AT_BASELINE - OF_BASELINED,
    denominator=AT_BASELINE,
    n=where_priced(Count(RUN_UNITS), by=PROCESS_UNIT_COST, along="process"),
    formula={
        "en": "1 - costs of processes / (their units x the baseline's unit cost on the day)",
        "zh": "1-流程成本÷按当日基线单位成本计算的产出成本",
    },
    source="house definition: against the unit cost of the baseline that was in force",
)
