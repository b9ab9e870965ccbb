"""Facts: business entities as functions of the events that belong to them.

Invariant: a fact is `reduce(apply, canonical order of its events, empty)`, and its
timeline is what it had to say after each second in which events were recorded.
Every shortcut below gives what the full fold gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec

from events.types.partner import EventVoided
from metrics.engine.company import SECOND, Company
from metrics.engine.entry import Entry, Placed, in_order, without_voided
from metrics.engine.moment import Moment, MomentKind

State = TypeVar("State", bound=msgspec.Struct)


class FactKind(Protocol[State]):
    """How one kind of fact is folded and what it says.

    `apply` must not depend on how events of different streams interleave. It is told
    the fact's key, since an event may have moved away (a refund to another sale).
    `says` tells which kinds of moments it can have, `problems` what is wrong with a fact,
    so that it can be listed.
    """

    name: str
    empty: State

    def says(self, kind: MomentKind) -> bool: ...

    def apply(self, state: State, entry: Entry, /, *, key: str, company: Company) -> State: ...

    def moments(self, state: State, company: Company, /) -> list[Moment]: ...

    def problems(self, state: State, /) -> tuple[str, ...]: ...


class Ref(msgspec.Struct, frozen=True, order=True, gc=False):
    """Which fact: its kind and its key within the kind."""

    kind: str
    key: str


class Fact(msgspec.Struct, frozen=True, array_like=True):
    """A folded fact: its state, and what is needed to see that an event is its next one."""

    state: Any
    heads: dict[str, int] = {}
    """Highest sequence seen of each stream."""
    clock: int = -(2**62)
    """Highest clamped recording time, microseconds."""


class Report(NamedTuple):
    """What a fact tells another one (see `told`). `slot` names who tells; `body` is hashable."""

    ref: Ref
    slot: str
    body: Any


class Said(NamedTuple):
    """What a fact says to the KPIs, and what it tells other facts."""

    moments: Sequence[Moment] = ()
    reports: Sequence[Report] = ()


class ReportingKind(Generic[State]):
    """A kind of fact that tells others; inherited, so that the rest need not say a word."""

    def reports(self, state: State, /, *, key: str) -> list[Report]:
        raise NotImplementedError


@dataclass(frozen=True)
class Step:
    """What a fact said before and after one second in which something was recorded."""

    second: int
    before: Said
    after: Said


@dataclass(frozen=True)
class Advance:
    """A fact after more events, and the steps to add to the ledger."""

    fact: Fact
    steps: Sequence[Step]
    said: Said
    """What the fact says now; a told fact does not say all of it each time."""
    days: tuple[int, int] | None = None
    """Of a told fact: between which all that it says lies."""


def extends(fact: Fact, entries: Sequence[Entry]) -> bool:
    """Whether the entries simply come after all that the fact has seen.

    If not (late, duplicate, voiding), its whole history is needed.
    """
    heads = dict(fact.heads)
    clock = fact.clock
    for entry in entries:
        stream = entry.stream
        if isinstance(entry.data, EventVoided) or entry.sequence <= heads.get(stream, 0):
            return False
        alone = not heads or (len(heads) == 1 and stream in heads)
        if entry.recorded <= clock and not alone:
            return False
        heads[stream] = entry.sequence
        clock = max(clock, entry.recorded)
    return True


def advance(
    kind: FactKind[Any], fact: Fact, entries: Sequence[Entry], *, key: str, company: Company
) -> Advance:
    """Fold entries that extend the fact, in the order given."""
    state, heads, clock = fact.state, dict(fact.heads), fact.clock
    steps: list[Step] = []
    before = _said(kind, state, key=key, company=company) if heads else Said()
    told = state if heads else None
    last = len(entries) - 1
    for place, entry in enumerate(entries):
        state = kind.apply(state, entry, key=key, company=company)
        heads[entry.stream] = entry.sequence
        clock = max(clock, entry.recorded)
        if place < last and max(clock, entries[place + 1].recorded) // SECOND == clock // SECOND:
            continue
        if state is told:  # one more activity on the same day: nothing new is said
            continue
        after = _said(kind, state, key=key, company=company)
        steps.append(Step(clock // SECOND, before, after))
        before, told = after, state
    return Advance(Fact(state, heads, clock), steps, before)


def _said(kind: FactKind[Any], state: Any, *, key: str, company: Company) -> Said:
    moments = kind.moments(state, company)
    if not isinstance(kind, ReportingKind):
        return Said(moments)
    return Said(moments, kind.reports(state, key=key))


def restate(
    kind: FactKind[Any],
    history: Iterable[Entry],
    entries: Iterable[Entry],
    *,
    key: str,
    company: Company,
) -> Advance:
    """Fold entries into a fact whose whole history is given: take back, then say anew."""
    known = list(history)
    old = timeline(kind, known, key=key, company=company)
    new = timeline(kind, [*known, *entries], key=key, company=company)
    steps = [Step(step.second, step.after, step.before) for step in old.steps]
    steps.extend(new.steps)
    return Advance(new.fact, steps, new.said)


def timeline(
    kind: FactKind[Any], entries: Iterable[Entry], *, key: str, company: Company
) -> Advance:
    """The fact from all its entries, with a step for every second that changed it."""
    placed = in_order(entries)
    if not any(isinstance(entry.data, EventVoided) for _, entry in placed):
        return _straight(kind, placed, key=key, company=company)
    steps: list[Step] = []
    before = Said()
    fact = Fact(kind.empty)
    for end, (clock, _) in enumerate(placed, start=1):
        if end < len(placed) and placed[end][0] // SECOND == clock // SECOND:
            continue
        prefix = _straight(kind, without_voided(placed[:end]), key=key, company=company)
        steps.append(Step(clock // SECOND, before, prefix.said))
        before, fact = prefix.said, prefix.fact
    return Advance(Fact(fact.state, _heads(placed), placed[-1][0]), steps, before)


def _straight(
    kind: FactKind[Any], placed: Sequence[Placed], *, key: str, company: Company
) -> Advance:
    """Fold entries without voids among them, clamped times as given."""
    entries = [_recorded_at(entry, clock) for clock, entry in placed]
    return advance(kind, Fact(kind.empty), entries, key=key, company=company)


def _recorded_at(entry: Entry, clock: int) -> Entry:
    if entry.recorded == clock:
        return entry
    return msgspec.structs.replace(entry, recorded=clock)


def _heads(placed: Iterable[Placed]) -> dict[str, int]:
    heads: dict[str, int] = {}
    for _, entry in placed:
        heads[entry.stream] = max(entry.sequence, heads.get(entry.stream, 0))
    return heads
