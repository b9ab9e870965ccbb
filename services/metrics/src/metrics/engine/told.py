"""Facts that are told by other facts: a buyer is what all deals and orders say of one customer.

A fact may *report* to another one, as it speaks to the KPIs. What a told fact has been
told is a ledger: in which second which record was given or taken back. So it is a
function of the set of its reporters' events, whatever order they come in, and it has a
value as of every second.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

import msgspec

from metrics.engine.calendar import Period
from metrics.engine.company import Company
from metrics.engine.dimension import Cut
from metrics.engine.fact import Advance, Fact, Ref, Said, Step
from metrics.engine.moment import Moment, MomentKind


class Record(NamedTuple):
    """What a told fact knows of one reporter. `slot` names the reporter."""

    slot: str
    body: Any


class ToldKind(Protocol):
    """How a kind of told fact speaks, given all records by slot.

    `empty` is a struct whose field `entries` lists (second, slot, record, times), and `record` the
    type of these records.
    """

    name: str
    empty: Any
    record: Any

    def says(self, kind: MomentKind) -> bool: ...

    def moments_of(self, records: Sequence[Record], company: Company, /) -> list[Moment]: ...

    def moments_in(
        self,
        periods: Sequence[Period],
        records: Sequence[Record],
        company: Company,
        /,
        *,
        passes: Callable[[Cut], bool],
    ) -> list[Moment]:
        """The same with what is said of periods said of these ones, of the calendar or not; all
        whose cut passes, and maybe others.
        """
        ...

    def difference(
        self, before: Sequence[Record], after: Sequence[Record], /, *, key: str, company: Company
    ) -> tuple[Said, Said]:
        """What is said because of one set of records and not of another, and the other way round;
        what both say may be in both.
        """
        ...

    def days_of(self, records: Sequence[Record], company: Company, /) -> tuple[int, int] | None:
        """Days between which all moments lie; None when there are none."""
        ...

    def cuts_of(self, state: Any, /) -> Iterable[Cut]:
        """Of all that it was ever told."""
        ...

    def problems(self, state: Any, /) -> tuple[str, ...]: ...


Entry = tuple[int, str, Any]
"""Second, slot, record."""

Kept = tuple[int, str, Any, int]
"""The same, and how often it was given."""


def reported(steps: Iterable[Step]) -> dict[Ref, dict[Entry, int]]:
    """What facts are told by steps of others: how often each record is given (or taken back)."""
    found: dict[Ref, dict[Entry, int]] = {}
    for step in steps:
        for said, times in ((step.before, -1), (step.after, 1)):
            for ref, slot, body in said.reports:
                told = found.setdefault(ref, {})
                entry = step.second, slot, body
                told[entry] = told.get(entry, 0) + times
    kept = {ref: {e: times for e, times in told.items() if times} for ref, told in found.items()}
    return {ref: told for ref, told in kept.items() if told}


def tell(
    kind: ToldKind, fact: Fact, told: Mapping[Entry, int], *, key: str, company: Company
) -> Advance:
    """The fact after it was told something, and the steps that this makes.

    What was told late changes what the fact said in every second since. Only what can
    differ is said anew: a buyer of thousands of purchases makes one more.
    """
    first = min(second for second, _, _ in told)
    entries: list[Kept] = fact.state.entries
    place = bisect_left(entries, first, key=itemgetter(0))
    earlier, old = entries[:place], entries[place:]
    new = _with(old, told)
    was = Records(earlier)
    now = was.copy()
    steps: list[Step] = []
    # What the new entries add to what was said, up to the second before.
    gone, come = Said(), Said()
    for second, (given_then, given_now) in _by_second(old, new):
        was.add(given_then)
        now.add(given_now)
        before, after = was.listed(), now.listed()
        lost, found = Said(), Said()
        if before != after:
            lost, found = kind.difference(before, after, key=key, company=company)
        steps.append(Step(second, _both(lost, come), _both(found, gone)))
        gone, come = lost, found
    state = msgspec.structs.replace(fact.state, entries=[*earlier, *new])
    return Advance(Fact(state), steps, Said(), days=kind.days_of(now.listed(), company))


def records_until(entries: Iterable[Kept], second: int) -> list[Record]:
    """What had been told by a second, by slot."""
    told = last_told(entry for entry in entries if entry[0] <= second)
    return [Record(slot, told[slot]) for slot in sorted(told)]


def last_told(entries: Iterable[Kept]) -> dict[str, Any]:
    """The record of each slot that was given and not taken back, of entries in their order: of one
    second what is taken back comes before what is given instead.
    """
    last = {slot: body if times > 0 else None for _, slot, body, times in entries}
    return {slot: body for slot, body in last.items() if body is not None}


class Records:
    """What a fact has been told: per slot one record at most is given and not taken back."""

    def __init__(self, entries: Iterable[Kept] = ()) -> None:
        self._of_slots: dict[str, list[tuple[Any, int]]] = {}
        self.add(entries)

    def add(self, entries: Iterable[Kept]) -> None:
        # By looking through a slot's records: hashing one, with its cut, costs more.
        for _, slot, body, times in entries:
            known = self._of_slots.setdefault(slot, [])
            for place, (other, count) in enumerate(known):
                if other == body:
                    known[place] = other, count + times
                    break
            else:
                known.append((body, times))

    def copy(self) -> Records:
        other = Records()
        other._of_slots = {slot: list(known) for slot, known in self._of_slots.items()}
        return other

    def listed(self) -> list[Record]:
        return [
            Record(slot, body)
            for slot in sorted(self._of_slots)
            for body, count in self._of_slots[slot]
            if count > 0
        ]


def _with(old: Sequence[Kept], told: Mapping[Entry, int]) -> list[Kept]:
    times = {(second, slot, body): count for second, slot, body, count in old}
    for entry, count in told.items():
        times[entry] = times.get(entry, 0) + count
    new = [(*entry, count) for entry, count in times.items() if count]
    return sorted(new, key=itemgetter(0, 1, 3))


def _by_second(
    old: Sequence[Kept], new: Sequence[Kept]
) -> list[tuple[int, tuple[list[Kept], list[Kept]]]]:
    """What was told in each second before and now, in order."""
    seconds: dict[int, tuple[list[Kept], list[Kept]]] = {}
    for side, entries in enumerate((old, new)):
        for entry in entries:
            seconds.setdefault(entry[0], ([], []))[side].append(entry)
    return sorted(seconds.items(), key=itemgetter(0))


def _both(one: Said, other: Said) -> Said:
    return Said([*one.moments, *other.moments], [*one.reports, *other.reports])
