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

    def moments_between(
        self, before: Sequence[Record], after: Sequence[Record], company: Company, /
    ) -> tuple[list[Moment], list[Moment]]:
        """What only one of two sets of records says, and perhaps something that both say."""
        ...

    def days_of(self, records: Sequence[Record], company: Company, /) -> tuple[int, int] | None:
        """Days between which all moments lie; None when there are none."""
        ...

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

    What was told late changes what the fact said in every second since. Only what can
    differ is said anew: a buyer of thousands of purchases makes one more.
    """
    old = {(second, slot, body): times for second, slot, body, times in fact.state.entries}
    new = dict(old)
    for entry, times in told.items():
        new[entry] = new.get(entry, 0) + times
        if not new[entry]:
            del new[entry]
    first = min(second for second, _, _ in told)
    was, now = _Telling(old, until=first), _Telling(new, until=first)
    steps: list[Step] = []
    # What the new entries add to what was said, up to the second before.
    gone: Sequence[Said] = ()
    come: Sequence[Said] = ()
    for second in sorted({second for second, _, _ in (*old, *told) if second >= first}):
        before, after = was.until(second), now.until(second)
        lost, found = _difference(kind, before, after, key=key, company=company)
        steps.append(Step(second, [*lost, *come], [*found, *gone]))
        gone, come = lost, found
    entries = sorted(((*e, n) for e, n in new.items()), key=lambda e: (e[0], e[1], e[3]))
    state = msgspec.structs.replace(fact.state, entries=entries)
    return Advance(Fact(state), steps, (), days=kind.days_of(now.records(), company))


def records_until(entries: Iterable[tuple[int, str, Any, int]], second: int) -> list[Record]:
    """What had been told by a second, by slot."""
    times: dict[Record, int] = {}
    for at, slot, body, count in entries:
        if at <= second:
            record = Record(slot, body)
            times[record] = times.get(record, 0) + count
    return _by_slot(times)


def _by_slot(times: Mapping[Record, int]) -> list[Record]:
    # Per slot one record at most is given and not taken back.
    return sorted((r for r, count in times.items() if count > 0), key=lambda r: r.slot)


def _difference(
    kind: ToldKind,
    before: Mapping[Record, int],
    after: Mapping[Record, int],
    *,
    key: str,
    company: Company,
) -> tuple[Sequence[Said], Sequence[Said]]:
    """What is said because of one set of records and not of another, and the other way round;
    what both say may be in both.
    """
    if before == after:
        return (), ()
    old, new = _by_slot(before), _by_slot(after)
    lost, found = kind.moments_between(old, new, company)
    return (
        [*lost, *kind.reports_of(old, key=key)],
        [*found, *kind.reports_of(new, key=key)],
    )


class _Telling:
    """What a fact has been told, second after second from one on."""

    def __init__(self, entries: Mapping[Entry, int], *, until: int) -> None:
        self._told: dict[Record, int] = {}
        self._later: dict[int, list[tuple[Record, int]]] = {}
        for (second, slot, body), times in entries.items():
            if second < until:
                self._add(Record(slot, body), times)
            else:
                self._later.setdefault(second, []).append((Record(slot, body), times))

    def until(self, second: int) -> Mapping[Record, int]:
        """How often each record was given by a second; asked for in growing order."""
        for record, times in self._later.pop(second, ()):
            self._add(record, times)
        return dict(self._told)

    def records(self) -> list[Record]:
        return _by_slot(self._told)

    def _add(self, record: Record, times: int) -> None:
        total = self._told.get(record, 0) + times
        if total:
            self._told[record] = total
        else:
            del self._told[record]
