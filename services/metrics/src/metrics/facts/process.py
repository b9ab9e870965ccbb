"""Processes: what one unit took and cost before the process was improved, from a day on.

The baseline is the process's own, whichever team or partner tells of it. Of those that
are valid from the same day the last told counts. One that names no unit cost leaves the
cost as it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from events.types.process import ProcessBaselined
from metrics.engine.company import Company, day_number
from metrics.engine.dimension import cut_of
from metrics.engine.entry import Entry
from metrics.engine.moment import Moment, MomentKind
from metrics.facts.sale import Amount, amount_of

PROCESS_MINUTES: Final = MomentKind(
    name="process.minutes",
    cube="process",
    dimensions=("process",),
    stock=True,
    events=(ProcessBaselined,),
)
"""What one unit took; see `Price`."""
PROCESS_UNIT_COST: Final = MomentKind(
    name="process.unit_cost",
    cube="process",
    dimensions=("process",),
    stock=True,
    events=(ProcessBaselined,),
)


class Baseline(msgspec.Struct, frozen=True, array_like=True):
    """What was told to be valid from a day on."""

    told: int
    minutes: int
    unit_cost: Amount | None


class Process(msgspec.Struct, frozen=True, array_like=True):
    """The baselines by the day that they are valid from, and by stream."""

    key: str = ""
    baselines: dict[int, dict[str, Baseline]] = {}


class ProcessKind:
    """See `FactKind`."""

    name = "process"
    empty = Process()

    def says(self, kind: MomentKind) -> bool:
        return kind in (PROCESS_MINUTES, PROCESS_UNIT_COST)

    def apply(self, state: Process, entry: Entry, /, *, key: str, company: Company) -> Process:
        data = entry.data
        if not isinstance(data, ProcessBaselined):
            return state
        baseline = Baseline(
            entry.occurred, data.baseline_minutes, amount_of(data.unit_cost, company)
        )
        valid_from = day_number(data.valid_from)
        of_day = {**state.baselines.get(valid_from, {}), entry.stream: baseline}
        return Process(key, {**state.baselines, valid_from: of_day})

    def moments(self, state: Process, _company: Company, /) -> list[Moment]:
        in_order = [
            (day, max(told.items(), key=lambda item: (item[1].told, item[0]))[1])
            for day, told in sorted(state.baselines.items())
        ]
        minutes: list[tuple[int, int | None]] = [(day, one.minutes) for day, one in in_order]
        costs = [(day, one.unit_cost.base) for day, one in in_order if one.unit_cost is not None]
        return [
            *_in_force(PROCESS_MINUTES, minutes, state.key),
            *_in_force(PROCESS_UNIT_COST, costs, state.key),
        ]

    def problems(self, _state: Process, /) -> tuple[str, ...]:
        return ()


def _in_force(
    kind: MomentKind, prices: Iterable[tuple[int, int | None]], process: str
) -> list[Moment]:
    """Each takes the place of the one before, on its day."""
    cut = cut_of(process=process)
    said: list[Moment] = []
    for day, price in prices:
        if said:
            said.append(said[-1]._replace(day=day, sign=-1))
        said.append(Moment(kind, day, cut, 1, price))
    return said
