"""Writing many rows in one statement, and the filter that keeps teams apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlmodel import col

from chassis.auth import Actor
from chassis.work import Work
from events import Dimensions
from ops.tables import CostRow, ProjectRow, Table, TimeLogRow


async def write(work: Work, table: type[Table], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows, or replace those columns of rows that exist; all rows name the same columns.

    The table's own row type reads them from one JSON parameter: 500 rows cost one
    round trip, and no statement is as long as its rows.
    """
    if rows:
        statement = _upsert(_table_of(table), tuple(rows[0]))
        await work.write(statement, msgspec.json.encode(rows).decode())


async def delete(work: Work, table: type[Table], ids: Sequence[str]) -> None:
    """Delete rows by id."""
    if ids:
        driver = await work.driver()
        # The name is that of a table class, never input.
        statement = f"DELETE FROM {_table_of(table).name} WHERE id = ANY($1)"  # noqa: S608
        await driver.execute(statement, list(ids))


async def hold(work: Work, table: type[Table]) -> None:
    """Until the commit, nobody else who holds the table adds to it.

    Who looks whether an external_ref is taken, or a person's day is full, and then
    writes must not be overtaken in between.
    """
    driver = await work.driver()
    lock = f"ops.{_table_of(table).name}"
    await driver.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", lock)


def visible(row: type[ProjectRow | CostRow | TimeLogRow], actor: Actor) -> sa.ColumnElement[bool]:
    """Rows of the actor's teams, and those of no team."""
    if actor.sees_all_teams:
        return sa.true()
    return sa.or_(col(row.team).is_(None), col(row.team).in_(sorted(actor.teams)))


def dimensions_of(row: ProjectRow | CostRow) -> Dimensions:
    """What the row is cut by."""
    return Dimensions(
        team=row.team,
        channel=row.channel,
        segment=row.segment,
        sector=row.sector,
        region=row.region,
        product=row.product,
    )


def _table_of(table: type[Table]) -> sa.Table:
    found = sa.inspect(table).local_table
    assert isinstance(found, sa.Table)
    return found


@cache
def _upsert(table: sa.Table, columns: tuple[str, ...]) -> str:
    keys = [key.name for key in table.primary_key]
    names = ", ".join(columns)
    changed = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in keys)
    # Names of a table class and its columns, never input.
    return (
        f"INSERT INTO {table.name} ({names})"  # noqa: S608
        f" SELECT {names} FROM jsonb_populate_recordset(NULL::{table.name}, $1::jsonb)"
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changed}"
    )
