"""Keeps what selling is organised by: teams, people, products, pipelines. All have a version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy.orm import InstrumentedAttribute
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from events import Connection
from pipeline.tables import PersonRow, PipelineRow, ProductRow, TeamRow

Entry = TeamRow | PersonRow | ProductRow | PipelineRow
E = TypeVar("E", TeamRow, PersonRow, ProductRow, PipelineRow)


async def page_of(
    session: AsyncSession,
    kind: type[E],
    key: Any,
    *,
    after: str | None,
    limit: int,
    where: Sequence[Any] = (),
) -> list[E]:
    """Entries in the order of their key, after that key."""
    wanted = select(kind).where(*where).order_by(col(key)).limit(limit)
    if after is not None:
        wanted = wanted.where(col(key) > after)
    return list((await session.exec(wanted)).all())


async def find(session: AsyncSession, kind: type[E], key: str, *, lock: bool = False) -> E | None:
    """The entry of this primary key; locked, its newest state."""
    return await session.get(kind, key, with_for_update=True if lock else None)


async def find_all(
    session: AsyncSession, kind: type[E], key: Any, *, values: Iterable[str]
) -> dict[str, E]:
    """The entries whose key is one of the values, locked in its order."""
    wanted = select(kind).where(col(key).in_(sorted(values))).order_by(col(key)).with_for_update()
    attribute: InstrumentedAttribute[str] = key
    found = (await session.exec(wanted)).all()
    return {getattr(entry, attribute.key): entry for entry in found}


async def known_teams(session: AsyncSession, codes: Iterable[str]) -> set[str]:
    """Those of the codes that are teams."""
    wanted = select(TeamRow.code).where(col(TeamRow.code).in_(sorted(codes)))
    return set((await session.exec(wanted)).all())


def update(entry: Entry, values: Mapping[str, Any]) -> bool:
    """Make the entry what the values say; False if it is that already."""
    changed = {name: value for name, value in values.items() if getattr(entry, name) != value}
    for name, value in changed.items():
        setattr(entry, name, value)
    if changed:
        entry.version += 1
    return bool(changed)


async def deals_in_stages(connection: Connection, pipeline: str) -> dict[str, int]:
    """How many deals are in each stage or would return to it.

    Holds off all commands on deals until the end of the transaction, so that
    none enters a stage that is about to go.
    """
    await connection.execute("LOCK TABLE deals IN EXCLUSIVE MODE")
    rows = await connection.fetch(
        "SELECT at.stage, count(*) AS deals FROM deals d"
        " CROSS JOIN LATERAL (VALUES (d.stage), (d.closed_from)) AS at (stage)"
        " WHERE d.pipeline = $1 AND d.status <> 'deleted' AND at.stage IS NOT NULL"
        " GROUP BY at.stage",
        pipeline,
    )
    return {row["stage"]: row["deals"] for row in rows}
