"""The heads: how far each aggregate is, a row each, moved with the positions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from events.consumer.entry import Key
from events.consumer.plan import Head, Steps
from events.consumer.received import Connection
from events.consumer.store import ParkedRows

_HEADS: Final = """
SELECT h.source, h.subject, h.sequence, h.parked
FROM unnest($2::text[], $3::text[]) AS w(source, subject)
JOIN consumer_heads h ON h.consumer = $1 AND h.source = w.source AND h.subject = w.subject"""

_MOVE: Final = """
INSERT INTO consumer_heads AS h (consumer, source, subject, sequence, parked)
SELECT $1, w.source, w.subject, w.sequence, w.parked
FROM unnest($2::text[], $3::text[], $4::bigint[], $5::int[]) AS w(source, subject, sequence, parked)
ON CONFLICT (consumer, source, subject)
DO UPDATE SET sequence = excluded.sequence, parked = excluded.parked"""

_BEGIN: Final = """
INSERT INTO consumer_heads (consumer, source, subject, sequence)
SELECT $1, w.source, w.subject, w.sequence
FROM unnest($2::text[], $3::text[], $4::bigint[]) AS w(source, subject, sequence)
ON CONFLICT (consumer, source, subject) DO NOTHING"""

_STEP: Final = """
UPDATE consumer_heads h SET sequence = w.sequence
FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[])
  AS w(source, subject, before, sequence)
WHERE h.consumer = $1 AND h.source = w.source AND h.subject = w.subject
  AND h.sequence = w.before AND h.parked = 0"""


class Unexpected(Exception):
    """A batch is not simply what comes next; what it has written is to be undone."""


async def load_heads(
    connection: Connection, consumer: str, keys: Iterable[Key], *, parked: ParkedRows
) -> dict[Key, Head]:
    """The heads of the keys with what waits behind each."""
    wanted = list(keys)
    if not wanted:
        return {}
    rows = await connection.fetch(_HEADS, consumer, [k[0] for k in wanted], [k[1] for k in wanted])
    heads = {(source, subject): Head(sequence) for source, subject, sequence, _ in rows}
    behind = [(row[0], row[1]) for row in rows if row[3]]
    for key, queue in (await parked.of(connection, behind)).items():
        for entry in queue:
            assert entry.event is not None
            heads[key].waiting[entry.event.sequence] = entry
    return heads


async def move_heads(
    connection: Connection, consumer: str, heads: Mapping[Key, Head], *, before: Mapping[Key, Head]
) -> None:
    """Write those heads that differ from what they were."""
    moved = sorted(
        (key, head.sequence, len(head.waiting))
        for key, head in heads.items()
        if _differs(head, before.get(key))
    )
    if moved:  # sorted, so that two writers cannot deadlock
        await connection.execute(
            _MOVE,
            consumer,
            [key[0] for key, _, _ in moved],
            [key[1] for key, _, _ in moved],
            [sequence for _, sequence, _ in moved],
            [waiting for _, _, waiting in moved],
        )


async def move_heads_from(connection: Connection, consumer: str, steps: Steps) -> None:
    """Move heads that stand where they are expected. Raises Unexpected when one does not."""
    new = sorted(key for key, first in steps.first.items() if first == 1)
    old = sorted(key for key, first in steps.first.items() if first != 1)
    if new:
        status = await connection.execute(
            _BEGIN, consumer, *_columns(new), [steps.last[key] for key in new]
        )
        _require(status, len(new))
    if old:
        status = await connection.execute(
            _STEP,
            consumer,
            *_columns(old),
            [steps.first[key] - 1 for key in old],
            [steps.last[key] for key in old],
        )
        _require(status, len(old))


def _columns(keys: Iterable[Key]) -> tuple[list[str], list[str]]:
    return [key[0] for key in keys], [key[1] for key in keys]


def _require(status: str, rows: int) -> None:
    if int(status.rpartition(" ")[2]) != rows:
        raise Unexpected


def _differs(head: Head, before: Head | None) -> bool:
    return (
        before is None
        or before.sequence != head.sequence
        or len(before.waiting) != len(head.waiting)
    )
