"""The journal: every applied event, under each fact that it belongs to.

It is what explanations name, what late events are folded with, and what new
definitions are computed from.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Any, Final

from events import Connection, decode_data, encode_data
from metrics.engine.company import instant_of, micros_of
from metrics.engine.entry import Entry
from metrics.engine.fact import Ref
from metrics.store.staging import FEW, Staging, columns_of

_COLUMNS = "kind, key, source, subject, sequence, event_id, type, occurred, recorded, payload"

_ROWS: Final = Staging(
    "incoming_journal",
    (
        *(("kind", "text"), ("key", "text"), ("source", "text"), ("subject", "text")),
        *(("sequence", "bigint"), ("event_id", "text"), ("type", "text")),
        *(("occurred", "timestamptz"), ("recorded", "timestamptz"), ("payload", "bytea")),
    ),
)

_INSERT = "INSERT INTO journal ({0}) SELECT {0} FROM {1} ON CONFLICT DO NOTHING"

_HISTORY = f"""
SELECT {_COLUMNS} FROM journal JOIN unnest($1::text[], $2::text[]) AS f (kind, key)
USING (kind, key)"""  # noqa: S608

_STREAMS = """
SELECT DISTINCT j.source, j.subject, j.kind, j.key
FROM journal j JOIN unnest($1::text[], $2::text[]) AS s (source, subject)
  ON j.source = s.source AND j.subject = s.subject
WHERE j.source NOT LIKE '/tandem/%'"""

_ALL = f"""
SELECT {_COLUMNS} FROM journal
WHERE ($1::text[] IS NULL OR kind = ANY($1)) AND (kind, key) > ($2, $3)
ORDER BY kind, key, source, subject, sequence"""  # noqa: S608

_FIRST = Ref("", "")


async def append(connection: Connection, entries: Iterable[tuple[Ref, Entry]]) -> None:
    """Keep entries; those that are kept already stay as they are."""
    rows = [
        (
            ref.kind,
            ref.key,
            entry.source,
            entry.subject,
            entry.sequence,
            entry.id,
            entry.data.wire_type,
            instant_of(entry.occurred),
            instant_of(entry.recorded),
            encode_data(entry.data),
        )
        for ref, entry in entries
    ]
    if len(rows) > FEW:
        await _ROWS.copy(connection, rows)
        await connection.execute(_INSERT.format(_COLUMNS, _ROWS.name))
    elif rows:
        insert = _INSERT.format(_COLUMNS, _ROWS.arrays(first=1))
        await connection.execute(insert, *columns_of(rows))


async def histories(connection: Connection, refs: Sequence[Ref]) -> dict[Ref, list[Entry]]:
    """All kept entries of some facts."""
    found: dict[Ref, list[Entry]] = {ref: [] for ref in refs}
    if refs:
        kinds, keys = [ref.kind for ref in refs], [ref.key for ref in refs]
        for row in await connection.fetch(_HISTORY, kinds, keys):
            found[Ref(row["kind"], row["key"])].append(_entry(row))
    return found


async def facts_of_streams(
    connection: Connection, streams: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], list[Ref]]:
    """The facts that earlier events of partners' streams (source, subject) belong to."""
    wanted = sorted(set(streams))
    found: dict[tuple[str, str], list[Ref]] = {stream: [] for stream in wanted}
    if wanted:
        rows = await connection.fetch(_STREAMS, [s for s, _ in wanted], [s for _, s in wanted])
        for row in rows:
            found[row["source"], row["subject"]].append(Ref(row["kind"], row["key"]))
    return found


async def by_fact(
    connection: Connection,
    *,
    kinds: Sequence[str] | None = None,
    after: Ref = _FIRST,
    page: int = 5_000,
) -> AsyncGenerator[tuple[Ref, list[Entry]], None]:
    """The whole journal, or that of some kinds after a fact, fact by fact. Needs a transaction."""
    ref: Ref | None = None
    entries: list[Entry] = []
    wanted = None if kinds is None else list(kinds)
    async for row in connection.cursor(_ALL, wanted, after.kind, after.key, prefetch=page):
        if ref is None or ref.key != row["key"] or ref.kind != row["kind"]:
            if ref is not None:
                yield ref, entries
            ref, entries = Ref(row["kind"], row["key"]), []
        entries.append(_entry(row))
    if ref is not None:
        yield ref, entries


def _entry(row: Any) -> Entry:
    return Entry(
        id=row["event_id"],
        source=row["source"],
        subject=row["subject"],
        sequence=row["sequence"],
        occurred=micros_of(row["occurred"]),
        recorded=micros_of(row["recorded"]),
        data=decode_data(row["type"], row["payload"]),
    )
