"""Time logged: how long somebody worked on a day, and for what."""

from __future__ import annotations

from typing import Final

import msgspec

from events.types import UNKNOWN
from events.types.ops import TimeLogged
from metrics.engine.company import Company, day_number
from metrics.engine.dimension import Cut, cut_of
from metrics.engine.entry import Entry
from metrics.engine.moment import Moment, MomentKind

TIME_DIMENSIONS: Final = ("owner", "team", "project", "process")
"""The owner is who worked."""

TIME_LOGGED: Final = MomentKind(
    name="time.logged", cube="time", dimensions=TIME_DIMENSIONS, events=(TimeLogged,)
)
TIME_PRODUCTIVE: Final = MomentKind(
    name="time.productive", cube="time", dimensions=TIME_DIMENSIONS, events=(TimeLogged,)
)


class TimeLog(msgspec.Struct, frozen=True, array_like=True):
    """The last version of an entry; without minutes it was taken back."""

    day: int = 0
    minutes: int | None = None
    productive: bool = False
    cut: Cut = ()


class TimeLogKind:
    """See `FactKind`."""

    name = "time"
    empty = TimeLog()

    def says(self, kind: MomentKind) -> bool:
        return kind in (TIME_LOGGED, TIME_PRODUCTIVE)

    def apply(self, state: TimeLog, entry: Entry, /, *, key: str, company: Company) -> TimeLog:  # noqa: ARG002 - as FactKind
        data = entry.data
        if not isinstance(data, TimeLogged):
            return state
        cut = cut_of(
            owner=data.person_id,
            team=data.team or UNKNOWN,
            project=data.project_id or UNKNOWN,
            process=data.process or UNKNOWN,
        )
        return TimeLog(day_number(data.work_date), data.minutes, data.productive, cut)

    def moments(self, state: TimeLog, _company: Company, /) -> list[Moment]:
        if state.minutes is None:
            return []
        said = [Moment(TIME_LOGGED, state.day, state.cut, 1, state.minutes)]
        if state.productive:
            said.append(Moment(TIME_PRODUCTIVE, state.day, state.cut, 1, state.minutes))
        return said

    def problems(self, _state: TimeLog, /) -> tuple[str, ...]:
        return ()
