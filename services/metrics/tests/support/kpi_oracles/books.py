"""The events, without those that were voided, and the units that they are told in.

Each area sorts out what it counts in a function of the books; see `Books.sorted_out`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

T = TypeVar("T")
Json = dict[str, Any]
Stream = list[Json]
"""The events about one subject of one source, in sequence."""
Cut = dict[str, list[tuple[str, int]]]
"""Dimension to members with weights."""
Where = tuple[str | None, str | None]
"""Dimension and member, or neither for the total."""

CUTS = ("team", "channel", "segment", "sector", "region", "product")


@dataclass(frozen=True)
class Expected:
    """A value with its parts; `value` is None where it must be undefined."""

    value: Fraction | int | None
    numerator: Fraction | int | None = None
    denominator: Fraction | int | None = None
    n: Fraction | int = 0
    unpriced: Fraction | int = 0


@dataclass(frozen=True)
class Ask:
    """A period and a place in it. `now` is the watermark."""

    start: date
    end: date
    where: Where
    now: datetime


@dataclass
class Atom:
    """Something that happened on a day: `amount` in base minor units, None when unpriced."""

    on: date
    cut: Cut
    amount: int | None = 0
    days: int | None = None


class Books:
    """All that the events say."""

    def __init__(
        self, events: list[Json], zone: ZoneInfo, base: str, *, first_month: int = 1
    ) -> None:
        self.events = events
        self.zone = zone
        self.base = base
        self.first_month = first_month
        self._streams: dict[tuple[str, str], Stream] = defaultdict(list)
        for event in _effective(events):
            self._streams[event["source"], event["subject"]].append(event)
        self._sorted_out: dict[Any, Any] = {}

    def sorted_out(self, how: Callable[[Books], T]) -> T:
        """What a function makes of the books, worked out once."""
        if how not in self._sorted_out:
            self._sorted_out[how] = how(self)
        found: T = self._sorted_out[how]
        return found

    def streams(self, *prefixes: str) -> Iterable[Stream]:
        """The events of one family of types, stream by stream."""
        for stream in self._streams.values():
            of_family = [event for event in stream if event["type"].startswith(prefixes)]
            if of_family:
                yield sorted(of_family, key=lambda event: event["sequence"])

    def local(self, instant: datetime) -> date:
        return instant.astimezone(self.zone).date()

    def day(self, text: str) -> date:
        return self.local(at(text))

    def money(self, money: Json | None) -> int | None:
        if money is None:
            return None
        if money["currency"] == self.base:
            return int(money["amount_minor"])
        if "rate" not in money:
            return None
        digits = {"JPY": 0}.get(money["currency"], 2)
        exact = Decimal(money["amount_minor"]) * Decimal(money["rate"]) * 10 ** (2 - digits)
        return int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _effective(events: list[Json]) -> list[Json]:
    """The events that were not voided; the last void of a subject has the last word."""
    dead: set[str] = set()
    voids = [event for event in events if event["type"] == "partner.event.voided.v1"]
    for void in sorted(voids, key=lambda event: -event["sequence"]):
        if void["id"] not in dead:
            dead.add(void["event_id"])
    return [event for event in events if event["id"] not in dead and event not in voids]


def _weighted(member: str | list[tuple[str, int]] | None) -> list[tuple[str, int]]:
    return member if isinstance(member, list) else [(member or "unknown", 1)]


def cut_of(fact: Json, names: Iterable[str] = CUTS, **members: str | None) -> Cut:
    """The cut that an event tells in its dimensions, and other members by name."""
    dimensions = fact.get("dimensions", {})
    cut: Cut = {name: _weighted(dimensions.get(name)) for name in names}
    return cut | {name: [(member or "unknown", 1)] for name, member in members.items()}
