"""Hours: logged, corrected and taken back, and how many there could have been."""

from __future__ import annotations

from datetime import timedelta

from events.types import ops
from kpi_histories.teller import DAYS, FIRST, OPS, PARTNERS, Teller


def time(teller: Teller, number: int) -> None:
    rnd, source = teller.rnd, teller.rnd.choice([OPS, PARTNERS[0]])
    log_id = f"h{number}" if source == OPS or rnd.random() < 0.7 else teller.shared_id()
    at = teller.instant()
    for _ in range(rnd.choice([1, 1, 2, 3])):
        data = ops.TimeLogged(
            log_id=log_id,
            person_id=rnd.choice(["ann", "bob"]),
            work_date=FIRST + timedelta(days=rnd.randrange(DAYS)),
            minutes=None if rnd.random() < 0.2 else rnd.randrange(1, 600),
            team=rnd.choice(["north", "south", None]),
            project_id=rnd.choice(["j1", None]),
            process=rnd.choice(["support", None]),
            productive=rnd.random() < 0.7,
        )
        teller.say(data, source, at)
        at = teller.later(at)
    if source != OPS:
        teller.maybe_void(source, log_id)


def capacity(teller: Teller, _number: int) -> None:
    """The days are few, so that they are set again."""
    rnd, source = teller.rnd, teller.rnd.choice([OPS, PARTNERS[1]])
    data = ops.CapacitySet(
        person_id=rnd.choice(["ann", "bob"]),
        work_date=FIRST + timedelta(days=rnd.choice([7, 38, 39, 200])),
        available_minutes=rnd.choice([0, 240, 480]),
        leave_minutes=rnd.choice([0, 0, 120, 480]),
        team=rnd.choice(["north", None]),
    )
    teller.say(data, source, teller.instant())
    if source != OPS:
        teller.maybe_void(source, data.subject)
