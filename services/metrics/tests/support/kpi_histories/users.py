"""Users and what they do, told by partners: often several times a day, late, and voided."""

from __future__ import annotations

from datetime import timedelta

from events.types import partner
from kpi_histories.teller import PARTNERS, Teller


def user(teller: Teller, number: int) -> None:
    """Some days of one user; the same user may come up again."""
    rnd, source = teller.rnd, teller.rnd.choice(PARTNERS)
    # Users share the partner's space of ids with orders and refunds: streams collide.
    user_id = f"x{rnd.randrange(8)}" if rnd.random() < 0.4 else f"u{number}"
    dimensions = teller.dimensions()
    at = teller.instant()
    for _ in range(rnd.randrange(1, 7)):
        data = partner.ActivityRecorded(
            user_id=user_id,
            kind=rnd.choice(["signed_in", "opened"]),
            customer_id=rnd.choice([None, "c1", "c2"]),
            dimensions=dimensions if rnd.random() < 0.7 else teller.dimensions(),
        )
        teller.say(data, source, at)
        at += rnd.choice(
            [
                timedelta(0),
                timedelta(minutes=30),
                timedelta(days=1),
                timedelta(days=7),
                timedelta(days=27, hours=23),
                timedelta(days=28),
                timedelta(days=31),
                timedelta(days=-3),
            ]
        )
    teller.maybe_void(source, user_id)
