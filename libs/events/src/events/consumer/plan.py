"""What to do with each record of a batch: pure, so that any order can be tried in tests.

The rule is one sentence: of each (source, subject) the next sequence is applied,
an earlier one is a copy, and a later one waits. A rejected event waits at its
own place and so holds back what comes after it; nothing else does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from events.consumer.entry import GAP, HELD, Entry, Key, ParkedRow


class Head(msgspec.Struct, eq=False, gc=False):
    """How far an aggregate is, and what of it waits, by sequence."""

    sequence: int
    waiting: dict[int, Entry] = {}


class Plan(msgspec.Struct, eq=False):
    """The outcome of a batch. `heads` holds only what changes."""

    apply: list[Entry] = []
    park: list[tuple[Entry, str]] = []
    repark: list[tuple[Entry, str]] = []
    drop: list[ParkedRow] = []
    """Parked rows that are done with: applied, discarded, or known copies."""
    heads: dict[Key, Head] = {}
    holds: dict[Key, bool] = {}
    """Whether something parked holds a key back from now on; only what may have changed."""
    folded: int = 0
    """Applied without an entry each."""
    duplicates: int = 0
    unknown: int = 0
    gaps: int = 0
    """New records before which others are missing that were never seen."""
    rows: int | None = None
    """Written by all of the batch, the handler's too; None when they were not counted."""

    def resolved(self) -> Counter[str]:
        """How many parked records are done with, by what became of them."""
        return Counter(_RESOLVED[row.requested] for row in self.drop)


_RESOLVED: Final = {"release": "released", "discard": "discarded", None: "followed"}


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
    moving = plan.heads
    for entry in entries:
        event = entry.event
        if event is None or (entry.parked is not None and entry.parked.requested == "discard"):
            without_key(plan, entry)
            continue
        head = moving.get((event.source, event.subject)) or _own(
            plan, heads, (event.source, event.subject)
        )
        if event.sequence == head.sequence + 1 and not head.waiting and entry.error is None:
            head.sequence = event.sequence
            pass_on(plan, entry)
        else:
            _take(plan, head, entry)
    for head in plan.heads.values():
        _label(plan, head)
    return plan


class Steps(msgspec.Struct, eq=False):
    """A batch that is right if, and only if, each key stands just before its first event here."""

    plan: Plan
    first: dict[Key, int]
    last: dict[Key, int]


def expect(entries: Sequence[Entry]) -> Steps | None:
    """The plan of a batch in which every event follows the one before it, or None.

    What nearly every batch is; then nothing needs to be known to plan it.
    """
    plan, first, last = Plan(), dict[Key, int](), dict[Key, int]()
    for entry in entries:
        event = entry.event
        if event is None or entry.error is not None:
            return None
        key, sequence = (event.source, event.subject), event.sequence
        seen = last.get(key)
        if seen is None:
            first[key] = sequence
        elif first[key] <= sequence <= seen:
            plan.duplicates += 1
            continue
        elif sequence != seen + 1:
            return None
        last[key] = sequence
        pass_on(plan, entry)
    return Steps(plan, first, last)


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
            plan.drop.append(entry.parked)
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
    pass_on(plan, entry)


def pass_on(plan: Plan, entry: Entry) -> None:
    """The entry's turn has come."""
    if entry.received is None:
        plan.unknown += 1
    else:
        plan.apply.append(entry)
    if entry.parked is not None:
        plan.drop.append(entry.parked)


def _drain(plan: Plan, head: Head) -> None:
    """Apply what waited for the sequence that the head has reached."""
    while (entry := head.waiting.get(head.sequence + 1)) is not None and not entry.stands:
        del head.waiting[head.sequence + 1]
        if entry.parked is not None and entry.parked.requested == "discard":
            head.sequence += 1
            plan.drop.append(entry.parked)
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


def without_key(plan: Plan, entry: Entry) -> None:
    """A record without a key of its own waits alone."""
    if entry.parked is not None and entry.parked.requested == "discard":
        plan.drop.append(entry.parked)
        return
    assert entry.error is not None
    if entry.parked is None:
        plan.park.append((entry, entry.error.reason))
    else:
        plan.repark.append((entry, entry.error.reason))


def _label(plan: Plan, head: Head) -> None:
    """Give what waits its reason: its own fault, a rejected one before it, or a missing one."""
    behind_rejected, before = False, head.sequence
    for sequence in sorted(head.waiting):
        entry = head.waiting[sequence]
        if entry.parked is None and sequence > before + 1:
            plan.gaps += 1
        before = sequence
        wait(plan, entry, behind=HELD if behind_rejected else GAP)
        behind_rejected = behind_rejected or entry.rejected


def wait(plan: Plan, entry: Entry, *, behind: str) -> None:
    """Park the entry for its own fault, or else for what it stands behind."""
    if entry.error is not None:
        reason = entry.error.reason
    elif entry.parked is not None and entry.rejected:
        reason = entry.parked.reason
    else:
        reason = behind
    if entry.parked is None:
        plan.park.append((entry, reason))
    elif entry.parked.reason != reason or (entry.parked.requested and entry.stands):
        plan.repark.append((entry, reason))
