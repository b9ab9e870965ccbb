"""Listening to the topic `kpi`, so that memory and streams follow the figures.

Each gateway reads the topic on its own from its end at start, in no group: all
of them need every change, and none needs an old one. While the topic cannot be
read, nothing is answered from memory.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from typing import Final

from chassis.resources import Resources
from events import DataError, Log, LogChanged, LogUnavailable, TopicMissing, open_log
from events.cloudevents import from_record
from events.log import Reader, Record
from events.types.kpi import KpiChanged
from events.waiting import is_set_within
from gateway.parts import Parts

log = logging.getLogger(__name__)

TOPIC: Final = KpiChanged.topic
MOST_RECORDS: Final = 500
POLL_SECONDS: Final = 0.5
BETWEEN_ATTEMPTS_SECONDS: Final = 1.0
TOPIC_SECONDS: Final = 5.0
"""A topic that has grown is heard whole as soon as this; asking costs one small request."""


async def hear_changes(parts: Parts, resources: Resources) -> None:
    """Follow the topic until told to stop; after any trouble begin again at its end."""
    url = resources.settings.event_log
    while not resources.stopping.is_set():
        try:
            async with open_log(url) as opened:
                await _follow(opened, parts, resources)
        except (LogUnavailable, LogChanged, TopicMissing, OSError) as error:
            log.warning("the topic %s cannot be read, figures come from metrics: %s", TOPIC, error)
        finally:
            parts.freshness.is_heard = False
        # Deaf, streams ask once a second instead of being told.
        parts.live.change_all()
        await is_set_within(resources.stopping, BETWEEN_ATTEMPTS_SECONDS)


async def _follow(opened: Log, parts: Parts, resources: Resources) -> None:
    partitions, listed_at = await opened.partitions([TOPIC]), time.monotonic()
    reader = await opened.reader(patience_seconds=POLL_SECONDS)
    try:
        reader.assign(await opened.ends(partitions))
        # Whatever was kept or sent before this point may miss changes.
        parts.cache.clear()
        parts.live.change_all()
        parts.freshness.is_heard = True
        while not resources.stopping.is_set():
            if time.monotonic() - listed_at > TOPIC_SECONDS:
                if await opened.partitions([TOPIC]) != partitions:
                    return
                listed_at = time.monotonic()
            for event in await _changes(reader):
                apply(event, parts)
                for service, written_at in event.beats.items():
                    resources.telemetry.heartbeat("heard", service=service, at=written_at)
    finally:
        parts.freshness.is_heard = False
        await reader.close()


async def _changes(reader: Reader) -> list[KpiChanged]:
    batches = await reader.poll(max_records=MOST_RECORDS, timeout_seconds=POLL_SECONDS)
    return [event for records in batches.values() for event in _read(records)]


def apply(event: KpiChanged, parts: Parts) -> None:
    """Drop what the change touches from memory, then have the streams ask again."""
    parts.freshness.note_change(event)
    parts.cache.change(event.changed)
    parts.live.change(event.changed)


def _read(records: Sequence[Record]) -> Iterator[KpiChanged]:
    for record in records:
        try:
            event = from_record(record)
        except DataError as error:
            # It may have named anything: the only safe reading is "all has changed".
            log.warning("a record of %s cannot be read: %s", TOPIC, error)
            raise LogChanged("a change could not be read") from error
        if isinstance(event.data, KpiChanged):
            yield event.data
