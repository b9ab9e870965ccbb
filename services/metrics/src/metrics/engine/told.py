"""Facts that are told by other facts: a buyer is what all deals and orders say of one customer.

A fact may *report* to another one, as it speaks to the KPIs. What a told fact has been
told is a ledger: in which second which record was given or taken back. So it is a
function of the set of its reporters' events, whatever order they come in, and it has a
value as of every second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from metrics.engine.company import Company
from metrics.engine.fact import Advance, Fact, Ref, Report, Said, Step
from metrics.engine.moment import Moment, MomentKind


class Record(NamedTuple):
    """What a told fact knows of one reporter. `slot` names the reporter."""

    slot: str
    body: Any


class ToldKind(Protocol):
    """How a kind of told fact speaks, given all records by slot.

    `empty` is a struct whose field `entries` lists (second, slot, record, times).
    """

    name: str
    empty: Any

    def says(self, kind: MomentKind) -> bool: ...

    def moments_of(self, records: Sequence[Record], company: Company, /) -> list[Moment]: ...

    def reports_of(self, records: Sequence[Record], /, *, key: str) -> list[Report]: ...

    def problems(self, state: Any, /) -> tuple[str, ...]: ...


Entry = tuple[int, str, Any]
"""Second, slot, record."""


def reported(steps: Iterable[Step]) -> dict[Ref, dict[Entry, int]]:
    """What facts are told by steps of others: how often each record is given (or taken back)."""
    found: dict[Ref, dict[Entry, int]] = {}
    for step in steps:
        for said, times in ((step.before, -1), (step.after, 1)):
            for report in said:
                if isinstance(report, Report):
                    told = found.setdefault(report.ref, {})
                    entry = step.second, report.slot, report.body
                    told[entry] = told.get(entry, 0) + times
    kept = {ref: {e: times for e, times in told.items() if times} for ref, told in found.items()}
    return {ref: told for ref, told in kept.items() if told}


def tell(
    kind: ToldKind, fact: Fact, told: Mapping[Entry, int], *, key: str, company: Company
) -> Advance:
    """The fact after it was told something, and the steps that this makes.

    What was told late changes what the fact said in every second since.
    """
    old = {(second, slot, body): times for second, slot, body, times in fact.state.entries}
    new = dict(old)
    for entry, times in told.items():
        new[entry] = new.get(entry, 0) + times
        if not new[entry]:
            del new[entry]
    first = min(second for second, _, _ in told)
    seconds = sorted({second for second, _, _ in (*old, *told) if second >= first})
    steps: list[Step] = []
    was = _Telling(kind, old, key=key, company=company)
    now = _Telling(kind, new, key=key, company=company)
    old_before = new_before = was.until(first - 1)
    for second in seconds:
        old_after, new_after = was.until(second), now.until(second)
        steps.append(Step(second, [*old_after, *new_before], [*new_after, *old_before]))
        old_before, new_before = old_after, new_after
    entries = sorted(((*e, n) for e, n in new.items()), key=lambda e: (e[0], e[1], e[3]))
    state = msgspec.structs.replace(fact.state, entries=entries)
    return Advance(Fact(state), steps, new_before)


def records_until(entries: Iterable[tuple[int, str, Any, int]], second: int) -> list[Record]:
    """What had been told by a second, by slot."""
    times: dict[Record, int] = {}
    for at, slot, body, count in entries:
        if at <= second:
            record = Record(slot, body)
            times[record] = times.get(record, 0) + count
    # Per slot one record at most is given and not taken back.
    return sorted((r for r, count in times.items() if count > 0), key=lambda r: r.slot)


class _Telling:
    """What a fact says from one set of entries, second after second."""

    def __init__(
        self, kind: ToldKind, entries: Mapping[Entry, int], *, key: str, company: Company
    ) -> None:
        self._kind, self._key, self._company = kind, key, company
        self._entries = [(*entry, times) for entry, times in entries.items()]
        self._seconds = {entry[0] for entry in entries}
        self._last: tuple[int, Sequence[Said]] | None = None

    def until(self, second: int) -> Sequence[Said]:
        """Asked for in growing order."""
        last = self._last
        if last is not None and second not in self._seconds:
            return last[1]
        records = records_until(self._entries, second)
        said: list[Said] = [
            *self._kind.moments_of(records, self._company),
            *self._kind.reports_of(records, key=self._key),
        ]
        self._last = (second, said)
        return said
