"""Random histories of a small company: every event that a KPI counts, and all that goes wrong.

The same seed gives the same history. Each kind of fact has a maker, in the file of its area;
to add one, write `def <kind>(teller, number)` there and list it in MAKERS.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

import msgspec

from events import Event
from kpi_histories.campaigns import campaign
from kpi_histories.costs import cost
from kpi_histories.customers import customer, merge
from kpi_histories.deals import deal
from kpi_histories.hours import capacity, time
from kpi_histories.leads import lead
from kpi_histories.markets import market, rate
from kpi_histories.orders import order, refund
from kpi_histories.organisation import person, team
from kpi_histories.processes import baseline, defect, process_run, ticket
from kpi_histories.projects import project
from kpi_histories.surveys import survey
from kpi_histories.targets import target
from kpi_histories.teller import BASE, CUSTOMER, FIRST, OPS, PARTNERS, PIPELINE, Teller
from kpi_histories.users import user

__all__ = [
    "BASE",
    "CUSTOMER",
    "FIRST",
    "MAKERS",
    "OPS",
    "PARTNERS",
    "PIPELINE",
    "History",
    "history_of_some",
    "makers_of",
    "plain",
    "shuffled",
]

MAKERS: Final[dict[str, Callable[[Teller, int], None]]] = {
    maker.__name__: maker
    for maker in (
        *(deal, order, cost, project, target, refund, merge, survey, campaign, market),
        *(process_run, ticket, baseline, defect, time, capacity, user, lead, person, team),
        *(customer, rate),
    )
}
_OFTEN: Final = {"deal": 5}
"""How many times as often as others a maker is asked."""
_MORE_KINDS: Final = {
    "deal": ("lead", "buyer"),
    "order": ("buyer",),
    "merge": ("buyer", "customer"),
    "rate": ("fx",),
    "refund": ("deal", "order"),
    "defect": ("process_run", "project"),
    "baseline": ("process",),
}
"""Kinds of facts that a maker tells of beside that of its name."""


def makers_of(kinds: Collection[str]) -> list[str]:
    """The makers that tell of some kinds of facts."""
    return [name for name in MAKERS if {name, *_MORE_KINDS.get(name, ())} & set(kinds)]


class History:
    """Events as they were recorded, at random: of all makers, or of some."""

    def __init__(
        self,
        seed: int,
        *,
        facts: int,
        zone: str = "America/New_York",
        of: Collection[str] = MAKERS.keys(),
    ) -> None:
        teller = Teller(seed, zone)
        names = [name for name in MAKERS if name in of for _ in range(_OFTEN.get(name, 1))]
        for number in range(facts):
            MAKERS[teller.rnd.choice(names)](teller, number)
        self.events: list[Event] = teller.events


def history_of_some(seed: int, *, facts: int) -> History:
    """Half of the time a history of everything, else of a few kinds of facts, that meet often."""
    rnd = random.Random(seed)
    maker = rnd.choice(list(MAKERS))
    few = makers_of([maker, *_MORE_KINDS.get(maker, ())])
    return History(seed, facts=facts, of=rnd.choice([few, list(MAKERS)]))


def plain(events: Iterable[Event]) -> list[dict[str, Any]]:
    """The events as JSON would have them, for whoever must not know our classes."""
    return [
        {
            "id": event.id,
            "source": event.source,
            "subject": event.subject,
            "sequence": event.sequence,
            "type": event.type.removeprefix("com.tandem."),
            "time": event.time,
            "recorded": event.recordedtime,
            **msgspec.to_builtins(event.data),
        }
        for event in events
    ]


def shuffled(events: list[Event], seed: int) -> list[list[Event]]:
    """The events in another order, some twice, in batches; partners' streams keep their order,
    as the consumer sees to.
    """
    rnd = random.Random(seed)
    mixed = [*events, *rnd.sample(events, len(events) // 4)]
    rnd.shuffle(mixed)
    streams: dict[tuple[str, str], list[Event]] = {}
    for event in sorted(mixed, key=lambda e: e.sequence):
        streams.setdefault((event.source, event.subject), []).append(event)
    in_order = []
    for event in mixed:
        if event.source in PARTNERS:
            in_order.append(streams[event.source, event.subject].pop(0))
        else:
            in_order.append(event)
    batches: list[list[Event]] = []
    while in_order:
        size = rnd.choice([1, 2, 7, 50])
        batches.append(in_order[:size])
        in_order = in_order[size:]
    return batches
