"""Runs of processes, their baselines, the defects found in them, and tickets."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from events.types import customer, ops, process
from kpi_histories.teller import CUSTOMER, DAYS, FIRST, OPS, PARTNERS, Teller

PROCESSES = ("support", "pack", "ship")


def process_run(teller: Teller, number: int) -> None:
    rnd, source = teller.rnd, teller.rnd.choice([OPS, *PARTNERS])
    own = source == OPS or rnd.random() < 0.7
    run_id = f"r{number}" if own else teller.shared_id()
    at = teller.instant()
    for _ in range(rnd.choice([1, 1, 2])):
        data = process.ProcessRunCompleted(
            run_id=run_id,
            process=rnd.choice(PROCESSES),
            started_at=at - timedelta(minutes=rnd.choice([-5, 0, 90])),
            touch_minutes=rnd.randrange(200),
            units=rnd.choice([0, 1, 1, 7]),
            opportunities=rnd.choice([0, 1, 40]),
            reworked=rnd.random() < 0.3,
            dimensions=teller.dimensions(),
        )
        teller.say(data, source, at)
        at = teller.later(at)
    if source != OPS:
        teller.known["defective"].append(("process_run", source, run_id))
        teller.maybe_void(source, run_id)


def defect(teller: Teller, number: int) -> None:
    """Found in a run or a project, some of which never arrive; later in another after all."""
    rnd = teller.rnd
    defect_id = f"e{number}" if rnd.random() < 0.7 else teller.shared_id()
    source = rnd.choice(PARTNERS)
    for _ in range(rnd.choice([1, 1, 2])):
        found_in, place = _defective(teller, source)
        data = process.DefectReported(
            defect_id=defect_id,
            found_in=found_in,
            found_in_id=place,
            severity=rnd.choice(["minor", "critical", "critical"]),
        )
        teller.say(data, source, _soon_after(teller, source, place))
    teller.maybe_void(source, defect_id)


def _defective(teller: Teller, source: str) -> tuple[Any, str]:
    known = [one for one in teller.known["defective"] if one[1] == source]
    if not known or teller.rnd.random() < 0.15:
        return teller.rnd.choice(["process_run", "project", "deal"]), "never heard of"
    found_in, _, place = teller.rnd.choice(known)
    return found_in, place


def _soon_after(teller: Teller, source: str, subject: str) -> datetime:
    """About when a project's probation begins or ends, if it is one that was completed."""
    done = [
        event.data.project.completed_at
        for event in teller.events
        if (event.source, event.subject) == (source, subject)
        and isinstance(event.data, ops.ProjectCompleted)
        and event.data.project.completed_at is not None
    ]
    if not done or teller.rnd.random() < 0.2:
        return teller.instant()
    days, off = teller.rnd.choice([0, 30, 30, 1]), teller.rnd.choice([-1, 0, 1])
    return teller.rnd.choice(done) + timedelta(days=days, microseconds=off)


def baseline(teller: Teller, _number: int) -> None:
    """A process has one baseline from a day on, but several may tell of it."""
    rnd, source = teller.rnd, teller.rnd.choice([OPS, *PARTNERS])
    at, name = teller.instant(), rnd.choice(PROCESSES[:2])
    for _ in range(rnd.choice([1, 2])):
        data = process.ProcessBaselined(
            process=name,
            valid_from=FIRST + timedelta(days=rnd.choice([-9, 40, 90, rnd.randrange(DAYS)])),
            baseline_minutes=rnd.randrange(300),
            unit_cost=None if rnd.random() < 0.2 else teller.priced(rnd.randrange(50_000)),
            team=rnd.choice(["north", None]),
        )
        teller.say(data, source, at)
        at = teller.later(at)
    if source != OPS:
        teller.maybe_void(source, name)


def ticket(teller: Teller, number: int) -> None:
    rnd, source = teller.rnd, teller.rnd.choice([CUSTOMER, PARTNERS[0]])
    ticket_id = f"q{number}" if source == CUSTOMER or rnd.random() < 0.7 else teller.shared_id()
    if teller.told(source, ticket_id):
        return
    at = teller.instant()
    state = customer.TicketState(
        ticket_id=ticket_id, status="open", opened_at=at, dimensions=teller.dimensions()
    )
    teller.say(customer.TicketOpened(ticket=state), source, at)
    for _ in range(rnd.randrange(5)):
        at = teller.later(at)
        change = msgspec.structs.replace
        if state.status == "open":
            on = None if rnd.random() < 0.2 else at - timedelta(minutes=rnd.choice([0, 90]))
            state = change(state, status="resolved", resolved_at=on, dimensions=teller.dimensions())
            teller.say(customer.TicketResolved(ticket=state), source, at)
        else:
            state = change(state, status="open", resolved_at=None)
            teller.say(customer.TicketReopened(ticket=state), source, at)
    if source != CUSTOMER:
        teller.maybe_void(source, ticket_id)
