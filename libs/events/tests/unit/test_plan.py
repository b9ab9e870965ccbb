"""The sequencing rule, tried with thousands of histories."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from events import Event, Money, Received, TopicPartition
from events.consumer.entry import Entry, ParkedRow
from events.consumer.plan import Head, Plan, make_plan
from events.consumer.store import StoredRecord
from events.event import SchemaViolation
from events.types.partner import OrderPaid

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Key = tuple[str, str]


def entry(subject: str, sequence: int, *, poison: bool = False) -> Entry:
    event = Event.of(
        OrderPaid(order_id=subject, amount=Money(amount_minor=1, currency="USD")),
        source="s",
        sequence=sequence,
        occurred_at=NOW,
        recorded_at=NOW,
    )
    record = StoredRecord("t", 0, 0, None, None, [], 0)
    error = SchemaViolation("broken") if poison else None
    received = None if poison else Received(event, "t", 0, 0)
    return Entry(TopicPartition("t", 0), record, event=event, received=received, error=error)


class Reference:
    """The consumer's tables in memory, fed batch by batch."""

    def __init__(self) -> None:
        self.heads: dict[Key, Head] = {}
        self.applied: list[tuple[str, int]] = []
        self.rows = 0

    def feed(self, entries: list[Entry], *, requested: tuple[Key, ...] = ()) -> Plan:
        plan = make_plan(entries, self.heads, requested=requested)
        for done in plan.apply:
            assert done.event is not None
            self.applied.append((done.event.subject, done.event.sequence))
        reasons = {id(e): reason for e, reason in (*plan.park, *plan.repark)}
        for key, head in plan.heads.items():
            waiting = {}
            for sequence, e in head.waiting.items():
                before = e.parked
                self.rows += before is None
                reason = reasons.get(id(e), before.reason if before else "")
                row = ParkedRow(before.id if before else self.rows, reason, None, 1)
                waiting[sequence] = Entry(
                    e.where, e.record, received=e.received, event=e.event, error=e.error, parked=row
                )
            self.heads[key] = Head(head.sequence, waiting)
        return plan

    def ask(self, key: Key, action: str, *, mended: bool) -> None:
        """Release or discard the first that waits of a key."""
        head = self.heads[key]
        first = min(head.waiting)
        e = head.waiting[first]
        assert e.parked is not None
        e.parked = ParkedRow(e.parked.id, e.parked.reason, action, 1)
        if mended:
            assert e.event is not None
            e.error, e.received = None, Received(e.event, "t", 0, 0)
        self.feed([], requested=(key,))


histories = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 6)), max_size=40)


@given(histories, st.randoms(use_true_random=False), st.integers(1, 7))
def test_any_order_copies_and_batching_apply_each_sequence_once_in_order(
    extra: list[tuple[str, int]], rng: random.Random, size: int
) -> None:
    deliveries = [(s, n) for s in "abc" for n in range(1, 7)] + extra
    rng.shuffle(deliveries)
    world = Reference()
    for start in range(0, len(deliveries), size):
        world.feed([entry(s, n) for s, n in deliveries[start : start + size]])

    for subject in "abc":
        assert [n for s, n in world.applied if s == subject] == [1, 2, 3, 4, 5, 6]
    assert all(not head.waiting for head in world.heads.values())


@given(histories, st.sets(st.tuples(st.sampled_from("abc"), st.integers(1, 6)), max_size=4))
def test_nothing_after_a_rejected_event_is_applied_and_other_keys_are_not_held(
    deliveries: list[tuple[str, int]], poison: set[tuple[str, int]]
) -> None:
    world = Reference()
    for one in deliveries:
        world.feed([entry(*one, poison=one in poison)])

    for subject in "abc":
        came = {n for s, n in deliveries if s == subject}
        expected, next_one = [], 1
        while next_one in came and (subject, next_one) not in poison:
            expected.append(next_one)
            next_one += 1
        assert [n for s, n in world.applied if s == subject] == expected


@given(
    st.permutations(list(range(1, 8))),
    st.sets(st.integers(1, 7), max_size=3),
    st.lists(st.booleans(), min_size=7, max_size=7),
)
def test_deciding_about_every_rejected_event_drains_the_rest(
    order: list[int], poison: set[int], discard: list[bool]
) -> None:
    world = Reference()
    for n in order:
        world.feed([entry("a", n, poison=n in poison)])
    dropped = set()
    for n in sorted(poison):
        if discard[n - 1]:
            dropped.add(n)
        world.ask(("s", "a"), "discard" if discard[n - 1] else "release", mended=True)

    assert [n for _, n in world.applied] == [n for n in range(1, 8) if n not in dropped]
    assert not world.heads["s", "a"].waiting


def test_what_waits_is_told_why() -> None:
    plan = make_plan([entry("a", 3), entry("a", 5, poison=True), entry("a", 6)], {})

    assert [(e.event and e.event.sequence, reason) for e, reason in plan.park] == [
        (3, "gap"),
        (5, "schema"),
        (6, "held"),
    ]
    assert plan.gaps == 2


def test_a_plan_leaves_the_heads_that_it_was_given_alone() -> None:
    heads: dict[Any, Head] = {("s", "a"): Head(1, {3: entry("a", 3)})}
    heads["s", "a"].waiting[3].parked = ParkedRow(1, "gap", None, 1)

    plan = make_plan([entry("a", 2)], heads)

    assert plan.heads["s", "a"].sequence == 3
    assert heads["s", "a"].sequence == 1
    assert list(heads["s", "a"].waiting) == [3]
    assert [row.id for row in plan.drop] == [1]
    assert plan.resolved() == {"followed": 1}
