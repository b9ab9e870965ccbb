"""Tells events as they were recorded, with all that goes wrong on the way.

Times crowd around local midnights, months' ends and the two days on which clocks
change.
"""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from events import Dimensions, Event, EventData, Money, Owner
from events.types import partner

BASE = "USD"
FIRST = date(2024, 2, 1)
DAYS = 330
"""From before the clocks change in spring until after they do in autumn."""

CUSTOMER, PIPELINE, OPS = "/tandem/customer", "/tandem/pipeline", "/tandem/ops"
PARTNERS = ("/shop/a", "/shop/b")
OUR_CUSTOMERS = tuple(f"0190a000-0000-7000-8000-00000000000{n}" for n in range(5))
THEIR_CUSTOMERS = ("c0", "c1")
"""Ids of a partner's own making, each meaning another customer at another partner."""


class Teller:
    """Tells events at random; the same seed tells the same."""

    def __init__(self, seed: int, zone: str) -> None:
        self.rnd = random.Random(seed)
        self.zone = ZoneInfo(zone)
        self.events: list[Event] = []
        self.known: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        """What later events can be about, by its kind."""
        self._sequences: dict[tuple[str, str], int] = {}
        self._recorded: dict[tuple[str, str], datetime] = {}

    def shared_id(self) -> str:
        """A partner has one space of ids for all: what bears the same is in one stream."""
        return f"x{self.rnd.randrange(8)}"

    def told(self, source: str, subject: str) -> bool:
        return (source, subject) in self._sequences

    def maybe_void(self, source: str, subject: str) -> None:
        """Void one of the events about the subject, sometimes the void itself."""
        while self.rnd.random() < 0.35:
            about = [e for e in self.events if (e.source, e.subject) == (source, subject)]
            voided = self.rnd.choice(about)
            data = partner.EventVoided(event_id=voided.id, reason="mistake")
            self.say(data, source, self.instant(), subject=subject)

    def say(
        self, data: EventData, source: str, at: datetime, *, subject: str | None = None
    ) -> None:
        stream = (source, subject or data.subject)
        sequence = self._sequences.get(stream, 0) + 1
        self._sequences[stream] = sequence
        late = timedelta(seconds=self.rnd.choice([0, 0.25, 3, 4_000, 900_000]))
        recorded = max(at + late, self._recorded.get(stream, at))
        if source == PIPELINE and self.rnd.random() < 0.1:
            recorded -= timedelta(days=2)  # a clock that was set back
        else:
            self._recorded[stream] = recorded
        event = Event.of(
            data,
            source=source,
            sequence=sequence,
            occurred_at=at,
            recorded_at=recorded,
            subject=stream[1],
            id=f"{source}:{stream[1]}:{sequence}",
        )
        self.events.append(event)

    def instant(self) -> datetime:
        rnd = self.rnd
        days = rnd.choice([38, 39, 40, 275, 276, 277, *(rnd.randrange(DAYS) for _ in range(6))])
        on = FIRST + timedelta(days=days)
        midnight = datetime(on.year, on.month, on.day, tzinfo=self.zone).astimezone(UTC)
        return midnight + rnd.choice(
            [
                timedelta(0),
                timedelta(microseconds=-1),
                timedelta(seconds=-0.001),
                timedelta(minutes=-30),
                timedelta(seconds=rnd.randrange(86_400)),
            ]
        )

    def a_customer(self) -> str | None:
        """One that a partner may name."""
        return self.rnd.choice([*OUR_CUSTOMERS, *THEIR_CUSTOMERS, None])

    def later(self, at: datetime) -> datetime:
        return at + self.rnd.choice(
            [timedelta(0), timedelta(minutes=30), timedelta(days=1), timedelta(days=40)]
        )

    def owners(self) -> list[Owner]:
        names = self.rnd.sample(["ann", "bob", "cid", "dee"], self.rnd.choice([0, 1, 1, 2, 3]))
        if not names:
            return []
        cuts = sorted(self.rnd.sample(range(1, 10_000), len(names) - 1))
        weights = [b - a for a, b in zip([0, *cuts], [*cuts, 10_000], strict=True)]
        return [Owner(owner_id=n, weight_bp=w) for n, w in zip(names, weights, strict=True)]

    def dimensions(self) -> Dimensions:
        rnd = self.rnd
        return Dimensions(
            team=rnd.choice(["north", "south", None]),
            channel=rnd.choice(["web", "fair", None]),
            segment=rnd.choice(["large", None]),
            sector=rnd.choice(["retail", "health", None]),
            region=rnd.choice(["Central", "West", None]),
            product=rnd.choice(["p1", "p2", None]),
        )

    def money(self) -> Money | None:
        luck = self.rnd.random()
        if luck < 0.25:
            return None if luck < 0.15 else self.priced(0)
        return self.priced(self.rnd.randrange(1_000_000))

    def priced(self, minor: int) -> Money:
        match self.rnd.randrange(6):
            case 0:
                return Money(amount_minor=minor, currency="CNY", rate="0.1387")
            case 1:
                return Money(amount_minor=minor, currency="JPY", rate="0.0067")
            case 2:
                return Money(amount_minor=minor, currency="EUR")
            case _:
                return Money(amount_minor=minor, currency=BASE)
