"""Folded facts, kept so that the next event need not fold all the earlier ones again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from asyncpg import SerializationError

from events import Connection
from metrics.engine.fact import Fact, FactKind, Ref
from metrics.facts import FACT_KINDS
from metrics.folding import Advanced, Kept
from metrics.store.staging import columns_of

_SELECT = """
SELECT kind, key, version, body FROM facts
JOIN unnest($2::text[], $3::text[]) AS f (kind, key) USING (kind, key)
WHERE generation = $1"""

_UPSERT = """
INSERT INTO facts (generation, kind, key, version, first_on, last_on, problems, body)
SELECT $1, f.kind, f.key, f.version, f.first_on, f.last_on,
       coalesce(string_to_array(f.problems, ','), '{}'), f.body
FROM unnest($2::text[], $3::text[], $4::int[], $5::int[], $6::int[], $7::text[], $8::bytea[])
  AS f (kind, key, version, first_on, last_on, problems, body)
ORDER BY f.kind, f.key
ON CONFLICT (generation, kind, key) DO UPDATE
SET version = excluded.version, first_on = excluded.first_on, last_on = excluded.last_on,
    problems = excluded.problems, body = excluded.body
WHERE facts.version = excluded.version - 1"""


def _decoder(kind: FactKind[Any]) -> msgspec.msgpack.Decoder[Any]:
    """A decoder of `Fact` whose state is of the kind's own type."""
    fields = [("state", type(kind.empty)), ("heads", dict[str, int]), ("clock", int)]
    return msgspec.msgpack.Decoder(
        msgspec.defstruct(f"{kind.name}_fact", fields, array_like=True, frozen=True)
    )


_decoders = {name: _decoder(kind) for name, kind in FACT_KINDS.items()}
_encode = msgspec.msgpack.Encoder().encode


def encode_fact(fact: Fact) -> bytes:
    return _encode(fact)


def decode_fact(kind: str, body: bytes) -> Fact:
    """A kept fact, its state of the kind's own type."""
    found = _decoders[kind].decode(body)
    return Fact(found.state, found.heads, found.clock)


async def read(connection: Connection, generation: int, refs: Sequence[Ref]) -> dict[Ref, Kept]:
    """The facts that are kept already."""
    kinds, keys = [ref.kind for ref in refs], [ref.key for ref in refs]
    return {
        Ref(kind, key): Kept(decode_fact(kind, body), version)
        for kind, key, version, body in await connection.fetch(_SELECT, generation, kinds, keys)
    }


async def write(connection: Connection, generation: int, advanced: Iterable[Advanced]) -> None:
    """Keep facts, each with the version that it was read under.

    Raises SerializationError when one was changed by another worker meanwhile (a
    refund and its sale at the same moment): the batch is then tried again. That is
    rare enough to need no lock on reading.
    """
    rows = []
    for one in advanced:
        ref, done = one.ref, one.advance
        days = [moment.day for moment in done.moments]
        rows.append(
            (
                ref.kind,
                ref.key,
                one.version + 1,
                min(days, default=None),
                max(days, default=None),
                ",".join(FACT_KINDS[ref.kind].problems(done.fact.state)) or None,
                encode_fact(done.fact),
            )
        )
    if not rows:
        return
    written = await connection.execute(_UPSERT, generation, *columns_of(rows))
    if written != f"INSERT 0 {len(rows)}":
        raise SerializationError("a fact was changed by another worker at the same moment")


async def with_problems(
    connection: Connection, generation: int, *, after: Ref, limit: int
) -> tuple[int, list[Any]]:
    """How many facts something is wrong with, and some of them by kind and key."""
    where = "generation = $1 AND problems <> '{}'"
    total = await connection.fetchval(f"SELECT count(*) FROM facts WHERE {where}", generation)  # noqa: S608
    rows = await connection.fetch(
        f"SELECT kind, key, problems FROM facts WHERE {where} AND (kind, key) > ($2, $3)"  # noqa: S608
        " ORDER BY kind, key LIMIT $4",
        generation,
        after.kind,
        after.key,
        limit,
    )
    return total, rows
