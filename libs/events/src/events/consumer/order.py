"""What to do with each record when the handler itself tells copies and gaps: pure.

The rule is one sentence: everything is passed on in the order of the log, except
that behind a parked event all later ones of its (source, subject) wait.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from events.consumer.entry import HELD, Entry, Key
from events.consumer.plan import Plan, pass_on, wait, without_key


def plan_in_order(
    entries: Sequence[Entry], *, held: Container[Key], waiting: Mapping[Key, Sequence[Entry]]
) -> Plan:
    """Decide about all entries in the order of the log.

    `held` are all keys with something parked; `waiting` is what is parked, in order,
    of those keys of which somebody released or discarded a record.
    """
    plan = Plan()
    for key, queue in waiting.items():
        plan.holds[key] = _drain(plan, queue)
    for entry in entries:
        event = entry.event
        if event is None or (entry.parked is not None and entry.parked.requested == "discard"):
            without_key(plan, entry)
            continue
        key = (event.source, event.subject)
        if entry.error is not None:
            plan.holds[key] = True
        elif not plan.holds.get(key, key in held):
            pass_on(plan, entry)
            continue
        wait(plan, entry, behind=HELD)
    return plan


def _drain(plan: Plan, queue: Sequence[Entry]) -> bool:
    """Pass on what nothing stands before; returns whether something still holds the key."""
    blocked = False
    for entry in queue:
        if blocked or entry.stands:
            blocked = True
            wait(plan, entry, behind=HELD)
        elif entry.parked is not None and entry.parked.requested == "discard":
            plan.drop.append(entry.parked)
        else:
            pass_on(plan, entry)
    return blocked
