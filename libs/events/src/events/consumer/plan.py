"""What to do with each record of a batch: pure, so that any order can be tried in tests.

The rule is one sentence: of each (source, subject) the next sequence is applied,
an earlier one is a copy, and a later one waits. A rejected event waits at its
own place and so holds back what comes after it; nothing else does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from events.consumer.received import Received
from events.errors import DataError
from events.event import Event, UnknownData
from events.log import Record

Key: TypeAlias = tuple[str, str]
"""Source and subject: whose sequence it is."""

GAP: Final = "gap"
HELD: Final = "held"


class ParkedRow(msgspec.Struct, frozen=True, gc=False):
    """What the store knows about a record that is parked already."""

    id: int
    reason: str
    requested: str | None
    attempts: int


class Entry(msgspec.Struct, eq=False, gc=False):
    """A record on its way: from the log, or parked earlier (`parked`).

    `error` says why it cannot be applied; a record without `event` has no key.
    The error must be `settled`: entries are not seen by the garbage collector.
    """

    record: Record
    event: Event | None = None
    received: Received | None = None
    error: DataError | None = None
    parked: ParkedRow | None = None

    @property
    def rejected(self) -> bool:
        """Whether it waits for a person, as opposed to another event."""
        if self.parked is None:
            return self.error is not None
        return self.parked.reason not in {GAP, HELD} or self.error is not None

    @property
    def stands(self) -> bool:
        """Whether it blocks its aggregate now: rejected, and nobody asked for another try."""
        if self.parked is None or self.parked.requested is None:
            return self.rejected
        return self.parked.requested == "release" and self.error is not None


def settled(error: DataError) -> DataError:
    """The error without the frames that led to it, which would keep the whole batch alive."""
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return error


class Head(msgspec.Struct, eq=False, gc=False):
    """How far an aggregate is, and what of it waits, by sequence."""

    sequence: int
    waiting: dict[int, Entry] = {}


class Plan(msgspec.Struct, eq=False):
    """The outcome of a batch. `heads` holds only what changes."""

    apply: list[Entry] = []
    park: list[tuple[Entry, str]] = []
    repark: list[tuple[Entry, str]] = []
    drop: list[int] = []
    """Ids of parked rows that are done with: applied, discarded, or known copies."""
    heads: dict[Key, Head] = {}
    duplicates: int = 0
    unknown: int = 0


def make_plan(
    entries: Sequence[Entry], heads: Mapping[Key, Head], *, requested: Iterable[Key] = ()
) -> Plan:
    """Decide about all entries in the order of the log.

    `heads` are those of all keys of the entries and are not changed. `requested`
    are the keys of which somebody released or discarded a parked record.
    """
    plan = Plan()
    for key in requested:
        head = _own(plan, heads, key)
        _give_up_missing(head)
        _drain(plan, head)
    for entry in entries:
        if entry.event is None or (
            entry.parked is not None and entry.parked.requested == "discard"
        ):
            _without_key(plan, entry)
        else:
            key = (entry.event.source, entry.event.subject)
            _take(plan, _own(plan, heads, key), entry)
    for head in plan.heads.values():
        _label(plan, head)
    return plan


def _own(plan: Plan, heads: Mapping[Key, Head], key: Key) -> Head:
    head = plan.heads.get(key)
    if head is None:
        known = heads.get(key)
        head = Head(known.sequence, dict(known.waiting)) if known is not None else Head(0)
        plan.heads[key] = head
    return head


def _take(plan: Plan, head: Head, entry: Entry) -> None:
    assert entry.event is not None
    sequence = entry.event.sequence
    if sequence <= head.sequence or sequence in head.waiting:
        plan.duplicates += 1
        if entry.parked is not None:
            plan.drop.append(entry.parked.id)
        return
    if sequence == head.sequence + 1 and entry.error is None:
        _apply(plan, head, entry)
        if head.waiting:
            _drain(plan, head)
    else:
        head.waiting[sequence] = entry


def _apply(plan: Plan, head: Head, entry: Entry) -> None:
    assert entry.event is not None
    head.sequence = entry.event.sequence
    if isinstance(entry.event.data, UnknownData):
        plan.unknown += 1
    else:
        plan.apply.append(entry)
    if entry.parked is not None:
        plan.drop.append(entry.parked.id)


def _drain(plan: Plan, head: Head) -> None:
    """Apply what waited for the sequence that the head has reached."""
    while (entry := head.waiting.get(head.sequence + 1)) is not None and not entry.stands:
        del head.waiting[head.sequence + 1]
        if entry.parked is not None and entry.parked.requested == "discard":
            head.sequence += 1
            plan.drop.append(entry.parked.id)
        else:
            _apply(plan, head, entry)


def _give_up_missing(head: Head) -> None:
    """A person decided about the first that waits: what is missing before it is not awaited."""
    if not head.waiting:
        return
    first = min(head.waiting)
    parked = head.waiting[first].parked
    if parked is not None and parked.requested is not None:
        head.sequence = max(head.sequence, first - 1)


def _without_key(plan: Plan, entry: Entry) -> None:
    """A record without a key of its own waits alone."""
    if entry.parked is not None and entry.parked.requested == "discard":
        plan.drop.append(entry.parked.id)
        return
    assert entry.error is not None
    if entry.parked is None:
        plan.park.append((entry, entry.error.reason))
    else:
        plan.repark.append((entry, entry.error.reason))


def _label(plan: Plan, head: Head) -> None:
    """Give what waits its reason: its own fault, a rejected one before it, or a missing one."""
    behind_rejected = False
    for sequence in sorted(head.waiting):
        entry = head.waiting[sequence]
        if entry.error is not None:
            reason = entry.error.reason
        elif entry.parked is not None and entry.rejected:
            reason = entry.parked.reason
        else:
            reason = HELD if behind_rejected else GAP
        behind_rejected = behind_rejected or entry.rejected
        if entry.parked is None:
            plan.park.append((entry, reason))
        elif entry.parked.reason != reason or (entry.parked.requested and entry.stands):
            plan.repark.append((entry, reason))
