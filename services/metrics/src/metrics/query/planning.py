"""What targets say of the period that a diagnosis judges."""

from __future__ import annotations

from metrics.diagnosis import Plan
from metrics.engine.calendar import Period
from metrics.kpis.sales import REVENUE_NET
from metrics.query.answer import answer
from metrics.query.figures import Filters
from metrics.query.question import Question
from metrics.query.source import Source
from metrics.query.targets import read_targets


async def plan_of(source: Source, period: Period, *, filters: Filters, as_of: int | None) -> Plan:
    """The target of booked revenue; scope and months as `query.targets` takes them."""
    question = Question(
        kpi=REVENUE_NET,
        grain=period.grain,
        periods=(period,),
        by=(),
        filters=filters,
        as_of=as_of,
    )
    answered = await answer(source, question)
    targets = await read_targets(source, answered)
    [row] = answered.rows
    amount = targets.against(row).target
    if amount is not None:
        return Plan(amount=int(amount))
    scope = "".join(f" {name}:{member}" for name, [member] in filters.items())
    lacking = [f"{REVENUE_NET.id} {one.label}{scope}" for one in targets.lacking(period)]
    return Plan(amount=None, lacking=lacking)
