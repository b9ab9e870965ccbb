"""What was spent in the periods of a diagnosis: to win customers, and on work."""

from __future__ import annotations

from collections.abc import Iterable

from metrics.diagnosis import Costs, Spending
from metrics.engine.calendar import Period
from metrics.engine.kpi import Inputs
from metrics.engine.measure import COUNT_SCALE
from metrics.engine.sums import Known, Spot, Sums
from metrics.kpis.diagnosis import ACQUISITION, WORK
from metrics.query.gathering import gather
from metrics.query.question import Question
from metrics.query.source import Source


async def costs_of(
    source: Source, known: Known, periods: Iterable[Period], *, as_of: int | None
) -> dict[Period, Costs]:
    """Of the whole company: most costs name no channel and no region."""
    asked = tuple(sorted(set(periods)))

    async def gathered(inputs: Inputs, by: str) -> Sums:
        grain = asked[0].grain
        question = Question(
            kpi=inputs, grain=grain, periods=asked, by=(by,), filters={}, as_of=as_of
        )
        return await gather(source, question, known)

    acquisition, work = await gathered(ACQUISITION, "channel"), await gathered(WORK, "process")
    return {
        period: Costs(
            acquisition=_spending(acquisition, ACQUISITION, place, known=known),
            work=_spending(work, WORK, place, known=known),
        )
        for place, period in enumerate(asked)
    }


def _spending(sums: Sums, inputs: Inputs, place: int, *, known: Known) -> dict[str, Spending]:
    """By channel or process, where anything was spent at all."""
    found = {}
    for (name,) in sorted(sums.members):
        spot = Spot(sums, (name,), place, known)
        cost, count = (spot.read(inputs.parts[part]) or 0 for part in ("cost", "count"))
        found[name] = Spending(count=count // COUNT_SCALE, amount_minor=cost)
    return {name: one for name, one in found.items() if one.amount_minor}
