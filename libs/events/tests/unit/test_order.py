"""Passing on in the log's order and waiting behind what is parked, tried with many histories."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from events import Event, Money, Received, TopicPartition
from events.consumer.entry import HELD, Entry, Key, ParkedRow
from events.consumer.order import plan_in_order
from events.consumer.plan import Head, Plan, expect, make_plan
from events.consumer.store import StoredRecord
from events.event import SchemaViolation
from events.types.partner import OrderPaid

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WHERE = TopicPartition("t", 0)


def entry(subject: str, sequence: int, *, poison: bool = False, offset: int = 0) -> Entry:
    event = Event.of(
        OrderPaid(order_id=subject, amount=Money(amount_minor=1, currency="USD")),
        source="s",
        sequence=sequence,
        occurred_at=NOW,
        recorded_at=NOW,
    )
    record = StoredRecord(*WHERE, offset, None, None, [], 0)
    if poison:
        return Entry(WHERE, record, event=event, error=SchemaViolation("broken"))
    return Entry(WHERE, record, event=event, received=Received(event, *WHERE, offset))


class Store:
    """The parked rows in memory, and what a consumer remembers of them."""

    def __init__(self) -> None:
        self.rows: dict[int, Entry] = {}
        self.held: set[Key] = set()
        self.passed: list[int] = []
        self._ids = 0

    def feed(self, entries: Sequence[Entry], *, keys: Sequence[Key] = ()) -> Plan:
        plan = plan_in_order(
            entries, held=self.held, waiting={key: self.queue(key) for key in keys}
        )
        self.passed += [e.received.offset for e in plan.apply if e.received is not None]
        for row in plan.drop:
            del self.rows[row.id]
        for parked, reason in plan.repark:
            assert parked.parked is not None
            parked.parked = ParkedRow(parked.parked.id, reason, None, 1)
        for new, reason in plan.park:
            self._ids += 1
            new.parked = ParkedRow(self._ids, reason, None, 1)
            self.rows[self._ids] = new
        for key, holds in plan.holds.items():
            (self.held.add if holds else self.held.discard)(key)
        return plan

    def queue(self, key: Key) -> list[Entry]:
        return [e for _, e in sorted(self.rows.items()) if key_of(e) == key]

    def ask(self, key: Key, action: str, *, mended: bool) -> None:
        """Release or discard the first of a key."""
        first = self.queue(key)[0]
        assert first.parked is not None
        first.parked = ParkedRow(first.parked.id, first.parked.reason, action, 1)
        if mended:
            assert first.event is not None
            first.error = None
            first.received = Received(first.event, *WHERE, first.record.offset)
        self.feed([], keys=[key])


def key_of(e: Entry) -> Key:
    assert e.event is not None
    return e.event.source, e.event.subject


deliveries = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 4), st.sampled_from([False] * 4 + [True])),
    max_size=40,
)


@given(deliveries, st.integers(1, 7))
def test_a_key_is_passed_on_up_to_its_first_rejected_event_and_others_are_not_held(
    given_ones: list[tuple[str, int, bool]], size: int
) -> None:
    store = Store()
    entries = [entry(s, n, poison=bad, offset=at) for at, (s, n, bad) in enumerate(given_ones)]
    for start in range(0, len(entries), size):
        store.feed(entries[start : start + size])

    expected, broken = [], set()
    for at, (subject, _, bad) in enumerate(given_ones):
        if bad:
            broken.add(subject)
        if subject not in broken:
            expected.append(at)
    assert store.passed == expected, "copies, late ones and gaps included"
    assert store.held == {("s", subject) for subject in broken}
    assert len(store.rows) + len(expected) == len(given_ones), "nothing is lost"


@given(deliveries, st.integers(1, 7), st.randoms(use_true_random=False))
def test_what_waits_is_passed_on_in_order_once_everything_before_it_is_decided(
    given_ones: list[tuple[str, int, bool]], size: int, draw: object
) -> None:
    store = Store()
    dropped: set[int] = set()
    entries = [entry(s, n, poison=bad, offset=at) for at, (s, n, bad) in enumerate(given_ones)]
    for start in range(0, len(entries), size):
        store.feed(entries[start : start + size])
        if store.held and draw.random() < 0.5:  # type: ignore[attr-defined]
            decide(store, min(store.held), dropped, discard=draw.random() < 0.5)  # type: ignore[attr-defined]
    while store.held:
        decide(store, min(store.held), dropped, discard=False)

    assert not store.rows
    for subject in "abc":
        came = [at for at, one in enumerate(given_ones) if one[0] == subject and at not in dropped]
        assert [at for at in store.passed if given_ones[at][0] == subject] == came


def decide(store: Store, key: Key, dropped: set[int], *, discard: bool) -> None:
    if discard:
        dropped.add(store.queue(key)[0].record.offset)
    store.ask(key, "discard" if discard else "release", mended=True)


@given(deliveries)
def test_a_release_that_mends_nothing_leaves_all_as_it_was(
    given_ones: list[tuple[str, int, bool]],
) -> None:
    store = Store()
    store.feed([entry(s, n, poison=bad, offset=at) for at, (s, n, bad) in enumerate(given_ones)])
    passed, rows = list(store.passed), list(store.rows)
    for key in sorted(store.held):
        store.ask(key, "release", mended=False)

    assert (store.passed, list(store.rows)) == (passed, rows)


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=6))
def test_what_waits_behind_nothing_is_passed_on_when_it_is_found(subjects: list[str]) -> None:
    """Another process dropped what they waited for, after the topic had grown."""
    store = Store()
    store.held = {("s", subject) for subject in subjects}
    store.feed([entry(s, 1, offset=at) for at, s in enumerate(subjects)])
    assert {row.parked.reason for row in store.rows.values() if row.parked} == {HELD}

    store.feed([], keys=sorted(store.held))

    assert sorted(store.passed) == list(range(len(subjects)))
    assert not store.held


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2)), min_size=1, max_size=12),
    st.integers(0, 3),
    st.integers(0, 3),
)
def test_a_batch_that_is_what_comes_next_is_planned_as_if_its_heads_were_known(
    steps_back: list[tuple[str, int]], a: int, b: int
) -> None:
    """Each event is the next one, or a copy of one that this batch has brought already."""
    begun, at = {"a": a, "b": b}, {"a": a, "b": b}
    entries = []
    for offset, (subject, back) in enumerate(steps_back):
        copied = at[subject] - back
        if back and copied > begun[subject]:
            entries.append(entry(subject, copied, offset=offset))
        else:
            at[subject] += 1
            entries.append(entry(subject, at[subject], offset=offset))

    steps = expect(entries)
    plan = make_plan(entries, {("s", subject): Head(n) for subject, n in begun.items()})

    assert steps is not None
    assert steps.plan.apply == plan.apply
    assert (steps.plan.duplicates, []) == (plan.duplicates, plan.park)
    assert steps.last == {key: head.sequence for key, head in plan.heads.items()}
    assert steps.first == {key: begun[key[1]] + 1 for key in plan.heads}


@given(st.permutations([1, 2, 3]))
def test_a_batch_with_a_hole_or_out_of_order_is_not_what_comes_next(order: list[int]) -> None:
    in_order = order == sorted(order)

    assert (expect([entry("a", n) for n in order]) is not None) == in_order
    assert expect([entry("a", 1), entry("a", 3)]) is None
    assert expect([entry("a", 1), entry("a", 2, poison=True)]) is None
