"""What the promise of an event adds to a business transaction.

The transaction is one of the product: the pipeline service's unit of work takes a deal for
update, changes its amount, and writes the deal and its history. It is done without an event;
with one whose row travels with the statement that writes the deal, as commands have it; and
with one whose row is a statement of its own. The three take turns, one transaction each, so
that all of them see the same machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import median, quantiles
from typing import Final

import uvloop

from bench.outbox_rows import new_outbox
from bench.processor_time import own_seconds
from bench.report import Figure, Goal, fdatasync_microseconds
from bench.servers import servers
from chassis.auth import SYSTEM
from chassis.resources import Resources
from chassis.work import begin
from events import Money, uuid7
from events.doorbell import Doorbell
from pipeline.app import create_app
from pipeline.domain.deal import Deal
from pipeline.domain.occasion import Occasion, Surroundings
from pipeline.domain.record import Details, Opening
from pipeline.domain.revision import Revision
from pipeline.settings import Settings
from pipeline.store import deals
from pipeline.store.references import Wanted, look_up

OVERHEAD: Final = Goal(10, 3, at_most=True)
_TURNS: Final = 2_100
_BLOCK: Final = 30
"""Turns whose medians are compared: enough for a median, and on much the same machine."""
_DEALS: Final = 50
_BARE, _PROMISED = "without an event", "with an event"
_APART: Final = "with an event in a statement of its own"
_WAYS: Final = (_BARE, _PROMISED, _APART)


@dataclass
class _Taken:
    """Microseconds of each transaction of one way, by the clock and of client and database."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


def measure(scale: float) -> Iterator[Figure]:
    with servers() as here:
        taken = uvloop.run(_measure(new_outbox(here), max(4 * _BLOCK, int(_TURNS * scale))))
    for way, found in taken.items():
        yield Figure(
            f"a business transaction {way}",
            f"{median(found.wall):.0f} µs",
            f"client and database {median(found.processor):.0f} µs of CPU",
        )
    yield _cost("cost of the outbox row", taken[_BARE], taken[_PROMISED], goal=OVERHEAD)
    yield _cost("the same in a statement of its own", taken[_BARE], taken[_APART])


def _cost(what: str, bare: _Taken, dearer: _Taken, *, goal: Goal | None = None) -> Figure:
    low, middle, high = quantiles(_overheads(bare.wall, dearer.wall), n=4)
    processor = median(_overheads(bare.processor, dearer.processor))
    return Figure(
        what,
        f"{middle:.1f} %",
        f"by the clock; of {len(bare.wall) // _BLOCK} blocks of {_BLOCK} transactions each the "
        f"middle half from {low:.1f} to {high:.1f} %; of processor time {processor:.1f} %; "
        f"fdatasync {fdatasync_microseconds():.0f} µs",
        middle,
        goal,
    )


def _overheads(bare: Sequence[float], dearer: Sequence[float]) -> list[float]:
    """By how many percent the median of each block is dearer."""
    blocks = [slice(n, n + _BLOCK) for n in range(0, len(bare) - _BLOCK + 1, _BLOCK)]
    return [(median(dearer[block]) / median(bare[block]) - 1) * 100 for block in blocks]


async def _measure(url: str, turns: int) -> dict[str, _Taken]:
    resources = _resources(url)
    taken = {way: _Taken() for way in _WAYS}
    assert resources.sessions is not None, "the pipeline service keeps rows as models"
    async with (
        resources.database.opened() as database,
        resources.sessions.opened(database),
    ):
        ids = await _open_deals(resources)
        async with begin(resources, actor=SYSTEM) as work:  # of one pooled session, so always it
            server = (await work.driver()).get_server_pid()
        for turn in range(-_BLOCK, turns):  # the first block is for plans and caches
            for place in range(len(_WAYS)):
                way = _WAYS[(turn + place) % len(_WAYS)]
                begun = time.perf_counter(), time.process_time() + own_seconds(server)
                await _change_amount(resources, ids[turn % _DEALS], minor=turn + place, way=way)
                ended = time.perf_counter(), time.process_time() + own_seconds(server)
                if turn >= 0:
                    taken[way].wall.append((ended[0] - begun[0]) * 1e6)
                    taken[way].processor.append((ended[1] - begun[1]) * 1e6)
            if turn % _BLOCK == 0:
                await database.pool.execute("DELETE FROM outbox")  # as the relay would
    return taken


async def _change_amount(resources: Resources, deal_id: str, *, minor: int, way: str) -> None:
    async with begin(resources, actor=SYSTEM) as work:
        held = await deals.take(await work.driver(), deal_id)
        assert held is not None
        on = Occasion(at=work.now(), by=SYSTEM.id, around=held.around)
        amount = Money(amount_minor=10_000 + minor, currency="USD")
        after, event = held.deal.change_amount(amount, pipeline=held.pipeline, on=on)
        assert event is not None
        revision = Revision(before=held.deal, after=after, event=event, by=SYSTEM.id)
        if way == _PROMISED:
            await work.record(event, sequence=after.version, occurred_at=on.at)
        await deals.write(work.write, [revision], recorded_at=on.at)
        if way == _APART:
            await work.record(event, sequence=after.version, occurred_at=on.at)


async def _open_deals(resources: Resources) -> list[str]:
    ids = [uuid7() for _ in range(_DEALS)]
    async with begin(resources, actor=SYSTEM) as work:
        known = await look_up(await work.driver(), Wanted(pipelines={"standard"}))
        on = Occasion(at=work.now(), by=SYSTEM.id, around=Surroundings())
        opening = Opening(details=Details(name="Bench"))
        revisions = []
        for deal_id in ids:
            deal, event = Deal.open(deal_id, opening, pipeline=known.pipelines[0], on=on)
            revisions.append(Revision(before=None, after=deal, event=event, by=SYSTEM.id))
        await deals.write(work.write, revisions, recorded_at=on.at)
    return ids


def _resources(url: str) -> Resources:
    """Those of the pipeline service, which is not started: nothing runs beside."""
    settings = Settings.model_validate(
        {
            "database_url": url,
            "event_log": "kafka://127.0.0.1:1",
            "environment": "development",
            "auth_issuer": "urn:bench",
            "auth_jwks": "file:///nowhere",
            "cursor_secret": "of no use to anybody",
        }
    )
    resources: Resources = create_app(settings).state.resources
    return replace(resources, doorbell=_Unrung(resources.database.connect))


class _Unrung(Doorbell):
    """The ring after a commit is shared by all commits of 5 ms: it would burden the next turn."""

    def ring(self) -> None:
        return
