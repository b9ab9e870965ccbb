"""Capacity: how long a person could have worked on a day, without leave."""

from __future__ import annotations

from typing import Final

import msgspec

from events.types import UNKNOWN
from events.types.ops import CapacitySet
from metrics.engine.company import Company, day_number
from metrics.engine.dimension import Cut, cut_of
from metrics.engine.entry import Entry
from metrics.engine.moment import Moment, MomentKind

CAPACITY: Final = MomentKind(
    name="capacity.available",
    cube="capacity",
    dimensions=("owner", "team"),
    events=(CapacitySet,),
)


class Capacity(msgspec.Struct, frozen=True, array_like=True):
    """The last version of one person's day."""

    day: int = 0
    available: int = 0
    leave: int = 0
    cut: Cut = ()


class CapacityKind:
    """See `FactKind`."""

    name = "capacity"
    empty = Capacity()

    def says(self, kind: MomentKind) -> bool:
        return kind is CAPACITY

    def apply(self, state: Capacity, entry: Entry, /, *, key: str, company: Company) -> Capacity:  # noqa: ARG002 - as FactKind
        data = entry.data
        if not isinstance(data, CapacitySet):
            return state
        cut = cut_of(owner=data.person_id, team=data.team or UNKNOWN)
        return Capacity(day_number(data.work_date), data.available_minutes, data.leave_minutes, cut)

    def moments(self, state: Capacity, _company: Company, /) -> list[Moment]:
        minutes = state.available - state.leave
        return [Moment(CAPACITY, state.day, state.cut, 1, minutes)] if minutes > 0 else []

    def problems(self, state: Capacity, /) -> tuple[str, ...]:
        return ("leave_beyond_capacity",) if state.leave > state.available else ()
