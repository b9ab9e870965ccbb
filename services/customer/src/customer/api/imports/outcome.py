"""What is to become of a row, and the few statements that make it so for all rows.

Invariant: rows and the customers and contacts that they cause are written all or
none; a batch that meets another one at the same references is planned anew on
what the other left.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, Literal, TypeVar

from chassis.bulk import RowResult
from chassis.errors import ConcurrentChange
from chassis.work import HistoryInFuture, Work
from customer.errors import MomentInFuture
from customer.store.scoped import ScopedStore, Versioned
from events import EventData

ATTEMPTS: Final = 3
"""Each attempt that fails was overtaken by a commit; a third in a row would be no coincidence."""

S = TypeVar("S", bound=Versioned)
T = TypeVar("T")

Happened = tuple[EventData, int, datetime | None]
"""Data, version and moment of an event, as `Work.record_all` takes them."""


class ReferenceTakenMeanwhile(ConcurrentChange):
    """Another request inserted one of the references since we looked."""

    title = "an external_ref was taken at the same moment"


@dataclass(slots=True)
class Outcome(Generic[S]):
    """A good row: the state it found (None: a new one), the state it leaves, what happened."""

    index: int
    before: S | None
    after: S
    happened: list[Happened] = field(default_factory=list)

    @property
    def result(self) -> RowResult:
        return RowResult(index=self.index, status=self._status, id=self.after.id)

    @property
    def _status(self) -> Literal["created", "updated", "unchanged"]:
        if self.before is None:
            return "created"
        return "updated" if self.happened else "unchanged"

    def apply(self, result: tuple[S, EventData | None], *, at: datetime) -> None:
        """Take a state and its event from a method of the domain."""
        self.after, event = result
        if event is not None:
            self.happened.append((event, self.after.version, at))


async def write(store: ScopedStore[Any, S], outcomes: Sequence[Outcome[S]]) -> None:
    """Insert and update what changed. Raises ReferenceTakenMeanwhile."""
    await insert_all(store, [one.after for one in outcomes if one.before is None])
    await store.save_all(
        (one.before, one.after) for one in outcomes if one.before is not None and one.happened
    )


async def insert_all(store: ScopedStore[Any, S], states: Sequence[S]) -> None:
    """Insert all of them. Raises ReferenceTakenMeanwhile."""
    if len(await store.add_all(states)) < len(states):
        raise ReferenceTakenMeanwhile(hint="send the batch again")


async def unless_overtaken(work: Work, attempt: Callable[[], Awaitable[T]]) -> T:
    """Do `attempt`, and do it anew from the start when another request overtook it."""
    for _ in range(ATTEMPTS - 1):
        try:
            async with work.session.begin_nested():
                return await attempt()
        except ReferenceTakenMeanwhile:
            continue
    return await attempt()


def moment_of(work: Work, given: datetime | None, *, field_name: str) -> datetime:
    """When a step of the row happened. Raises PermissionMissing, MomentInFuture."""
    try:
        return work.moment(given)
    except HistoryInFuture:
        raise MomentInFuture(field_name) from None
