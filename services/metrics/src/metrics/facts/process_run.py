"""Runs of processes: what came out of them, how long they took, what went wrong.

A defect counts on the day of the run that it was made in, whenever it was found.
"""

from __future__ import annotations

from typing import Final

import msgspec

from events.types import UNKNOWN
from events.types.customer import TicketResolved
from events.types.process import DefectReported, ProcessRunCompleted
from metrics.engine.company import Company, micros_of
from metrics.engine.dimension import Cut, cut_of
from metrics.engine.entry import Entry
from metrics.engine.fact import Ref
from metrics.engine.moment import Moment, MomentKind
from metrics.engine.routing import route

RUN_DIMENSIONS: Final = ("team", "region", "process")

RUN_COMPLETED: Final = MomentKind(
    name="run.completed",
    cube="run",
    dimensions=RUN_DIMENSIONS,
    events=(ProcessRunCompleted, TicketResolved),
)
"""Also a ticket that was resolved: a run of the process `support`."""
RUN_FLAWLESS: Final = MomentKind(
    name="run.flawless",
    cube="run",
    dimensions=RUN_DIMENSIONS,
    events=(ProcessRunCompleted, TicketResolved),
)
"""Neither done again nor found defective."""
RUN_UNITS: Final = MomentKind(
    name="run.units",
    cube="run",
    dimensions=RUN_DIMENSIONS,
    events=(ProcessRunCompleted, TicketResolved),
)
"""How much came out of it; a ticket is one."""
RUN_TIMED: Final = MomentKind(
    name="run.timed", cube="run", dimensions=RUN_DIMENSIONS, events=(ProcessRunCompleted,)
)
"""The units of runs whose work was measured (that of tickets is not)."""
RUN_MINUTES: Final = MomentKind(
    name="run.minutes", cube="run", dimensions=RUN_DIMENSIONS, events=(ProcessRunCompleted,)
)
RUN_OPPORTUNITIES: Final = MomentKind(
    name="run.opportunities", cube="run", dimensions=RUN_DIMENSIONS, events=(ProcessRunCompleted,)
)
"""Places where an error could have been made."""
RUN_DEFECTS: Final = MomentKind(
    name="run.defects", cube="run", dimensions=RUN_DIMENSIONS, events=(DefectReported,)
)

_KINDS: Final = (
    *(RUN_COMPLETED, RUN_FLAWLESS, RUN_UNITS, RUN_TIMED, RUN_MINUTES),
    *(RUN_OPPORTUNITIES, RUN_DEFECTS),
)


class ProcessRun(msgspec.Struct, frozen=True, array_like=True):
    """The last version of a run, and the defects found in it. Instants are microseconds."""

    started: int = 0
    completed: int | None = None
    touch_minutes: int = 0
    units: int = 0
    opportunities: int = 0
    reworked: bool = False
    cut: Cut = ()
    defects: tuple[str, ...] = ()
    """By stream: a partner's id of the defect, told apart by source."""


class ProcessRunKind:
    """See `FactKind`."""

    name = "process_run"
    empty = ProcessRun()

    def says(self, kind: MomentKind) -> bool:
        return kind in _KINDS

    def apply(
        self,
        state: ProcessRun,
        entry: Entry,
        /,
        *,
        key: str,
        company: Company,  # noqa: ARG002 - as FactKind
    ) -> ProcessRun:
        data = entry.data
        if isinstance(data, DefectReported):
            here = route(data, source=entry.source) == Ref(self.name, key)
            found = {entry.stream} if here else set()
            found |= set(state.defects) - {entry.stream}
            return msgspec.structs.replace(state, defects=tuple(sorted(found)))
        if not isinstance(data, ProcessRunCompleted):
            return state
        cut = cut_of(
            team=data.dimensions.team or UNKNOWN,
            region=data.dimensions.region or UNKNOWN,
            process=data.process,
        )
        return ProcessRun(
            micros_of(data.started_at),
            entry.occurred,
            data.touch_minutes,
            data.units,
            data.opportunities,
            data.reworked,
            cut,
            state.defects,
        )

    def moments(self, state: ProcessRun, company: Company, /) -> list[Moment]:
        if state.completed is None:
            return []
        on, cut = company.day(state.completed), state.cut
        said = [
            Moment(RUN_COMPLETED, on, cut),
            Moment(RUN_UNITS, on, cut, 1, state.units),
            Moment(RUN_TIMED, on, cut, 1, state.units),
            Moment(RUN_MINUTES, on, cut, 1, state.touch_minutes),
            Moment(RUN_OPPORTUNITIES, on, cut, 1, state.opportunities),
        ]
        if state.defects:
            said.append(Moment(RUN_DEFECTS, on, cut, 1, len(state.defects)))
        elif not state.reworked:
            said.append(Moment(RUN_FLAWLESS, on, cut))
        return said

    def problems(self, state: ProcessRun, /) -> tuple[str, ...]:
        if state.completed is None:
            return ("defect_without_run",) if state.defects else ()
        return ("completed_before_started",) if state.completed < state.started else ()
