"""One loop per partner that publishes to the log: read, take, answer, move on.

Invariant: positions move in the transaction that holds the inbox rows, the
outbox rows and the rejects of their records; a record is taken once, and lost
never. Each partner has a reader, claims and errors of its own, so that what one
sends delays nobody else.

Their records carry no sequence and repeat as they please, which the library's
Consumer does not allow; ownership and the compare-and-set are the same.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from chassis.resources import Resources
from events import Connection, EventsError
from events.consumer.claims import Claim, check_identity, claim, digest_of, require_ours
from events.consumer.members import Members
from events.consumer.positions import Advance, advance
from events.consumer.settings import ConsumerSettings
from events.errors import Fenced, LogChanged, TopicMissing
from events.ids import uuid7
from events.log import Log, Reader, Record, TopicPartition
from events.partners import Incoming
from events.partners.kafka import read_record
from events.topics import Partner, partner_topic
from events.waiting import is_set_within
from gateway.ingress import taking
from gateway.ingress.depth import OutboxDepth
from gateway.ingress.limits import Limits
from gateway.ingress.results import IngressFull
from gateway.partner_topics import rejects
from gateway.telemetry import GatewayTelemetry

log = logging.getLogger(__name__)

_SETTINGS: Final = ConsumerSettings(max_records=500)
_BEAT_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 0.5
"""Most of the time nothing comes: a question that stays open costs less than ten."""
_TOPIC_SECONDS: Final = 30.0
"""A topic that has grown is read as soon as this; asking takes a connection of its own."""
_RETRY_FIRST_SECONDS: Final = 0.2
_RETRY_MOST_SECONDS: Final = 30.0

Batch = Mapping[TopicPartition, Sequence[Record]]


class Door(msgspec.Struct, frozen=True):
    """What all partners' loops share."""

    log: Log
    resources: Resources
    limits: Limits
    depth: OutboxDepth
    telemetry: GatewayTelemetry


class PartnerTopic:
    """The loop of one partner. Several processes of the gateway share its partitions."""

    def __init__(self, door: Door, name: str, partner: Partner) -> None:
        self._door = door
        self._name = name
        self._topic = partner_topic(name)
        self._sources = frozenset(partner.sources)
        self._consumer = f"partner.{name}"
        self._member = uuid7()
        self._members = Members(
            self._consumer,
            member=self._member,
            timeout_seconds=_SETTINGS.member_timeout_seconds,
        )
        self._claims: dict[TopicPartition, Claim] = {}
        self._looked_at = float("-inf")
        self._partitions: Sequence[TopicPartition] = ()
        self._listed_at = float("-inf")
        self._backoff = _RETRY_FIRST_SECONDS

    async def run(self) -> None:
        """Until the process stops. Errors of this partner's topic are waited out here."""
        stopping = self._door.resources.stopping
        while not stopping.is_set():
            try:
                await self._session(stopping)
            except IngressFull as full:
                log.warning("partner %s waits: %s", self._name, full.detail)
            except Fenced:
                continue
            except Exception as error:  # noqa: BLE001 - one partner must not end the others' door
                # Nothing was committed, so the same is tried again: what a person mends goes on.
                level = logging.ERROR if _needs_a_person(error) else logging.WARNING
                log.log(level, "partner %s: %s: %s", self._name, type(error).__name__, error)
            await is_set_within(stopping, self._backoff)
            self._backoff = min(self._backoff * 2, _RETRY_MOST_SECONDS)

    async def _session(self, stopping: asyncio.Event) -> None:
        """With one reader, until an error; claims are made anew after it."""
        self._claims, self._looked_at, self._listed_at = {}, float("-inf"), float("-inf")
        reader = await self._door.log.reader(patience_seconds=_PATIENCE_SECONDS)
        try:
            while not stopping.is_set():
                if time.monotonic() - self._looked_at > _BEAT_SECONDS:
                    self._looked_at = time.monotonic()
                    await self._look(reader)
                await self._door.depth.refuse_too_deep(self._door.resources)
                batch = await reader.poll(
                    max_records=_SETTINGS.max_records, timeout_seconds=_PATIENCE_SECONDS
                )
                if batch:
                    await self._take(batch)
                    self._backoff = _RETRY_FIRST_SECONDS
        finally:
            await reader.close()

    async def _look(self, reader: Reader) -> None:
        """Say that we live, and own exactly our share."""
        if time.monotonic() - self._listed_at > _TOPIC_SECONDS:
            self._partitions = await self._door.log.partitions([self._topic])
            self._listed_at = time.monotonic()
        pool = self._door.resources.database.pool
        async with pool.acquire() as connection:
            living = await self._members.beat(connection)
            wanted = self._members.share(self._partitions, living)
            if wanted == self._claims.keys():
                await require_ours(connection, self._claims, consumer=self._consumer)
                return
            taken = await claim(
                connection,
                self._door.log,
                sorted(wanted - self._claims.keys()),
                consumer=self._consumer,
                owner=self._member,
                settings=_SETTINGS,
            )
        await check_identity(reader, taken, consumer=self._consumer)
        self._claims = {p: c for p, c in (self._claims | taken).items() if p in wanted}
        reader.assign({where: ours.next_offset for where, ours in self._claims.items()})

    async def _take(self, batch: Batch) -> None:
        """All of a batch or nothing."""
        now = self._door.resources.clock.now()
        terms = self._door.limits.at(now)
        places = [(where, record) for where, records in batch.items() for record in records]
        read = [read_record(record, terms=terms) for _, record in places]
        judged = taking.judge(read, self._sources)
        good = [e for e, o in zip(read, judged, strict=True) if o is None and type(e) is Incoming]
        zone = self._door.resources.settings.company_time_zone
        pool = self._door.resources.database.pool
        async with (
            pool.acquire() as connection,
            connection.transaction(),
        ):
            await advance(connection, self._consumer, self._moves(batch))
            taken = iter(await taking.take(connection, good, received_at=now, zone=zone))
            outcomes = [next(taken) if outcome is None else outcome for outcome in judged]
            refused = [
                rejects.Refused(where, record.offset, outcome)
                for (where, record), outcome in zip(places, outcomes, strict=True)
                if outcome.refusal is not None
            ]
            await self._refuse(connection, refused)
        self._door.resources.doorbell.ring()
        for where, of_partition in batch.items():
            self._claims[where].next_offset = of_partition[-1].offset + 1
        for outcome in outcomes:
            self._door.telemetry.partner_events.labels(outcome.status).inc()

    async def _refuse(self, connection: Connection, refused: Sequence[rejects.Refused]) -> None:
        if not refused:
            return
        now = self._door.resources.clock.now()
        await taking.file(
            connection,
            [one.outcome for one in refused],
            self._sources,
            received_at=now,
            zone=self._door.resources.settings.company_time_zone,
        )
        await rejects.promise(connection, refused, partner=self._name, at=now)

    def _moves(self, batch: Batch) -> list[Advance]:
        return [
            Advance(
                partition=where,
                epoch=self._claims[where].epoch,
                start=self._claims[where].next_offset,
                next=records[-1].offset + 1,
                digest=digest_of(records[-1]),
                watermark=None,
            )
            for where, records in batch.items()
        ]


def _needs_a_person(error: Exception) -> bool:
    return isinstance(error, LogChanged | TopicMissing) or not isinstance(
        error, EventsError | OSError
    )
