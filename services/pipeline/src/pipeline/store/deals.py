"""Keeps deals: reads them locked for a command, writes many revisions in one statement.

Rows travel as JSON: the columns of `deals` are the fields of `Deal`, and
PostgreSQL's row functions translate, so that no field is named twice. As text:
what drivers make of JSON types differs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Final

import msgspec

from chassis.errors import ConcurrentChange
from events import Connection
from pipeline.domain.deal import Deal
from pipeline.domain.occasion import Surroundings
from pipeline.domain.pipeline import Pipeline
from pipeline.domain.revision import Revision, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class DealInHand:
    """A deal that nobody else can change now, with what its commands need."""

    deal: Deal
    pipeline: Pipeline
    around: Surroundings


_COLUMNS: Final = ", ".join(column.name for column in fields(Deal))
_STEP_COLUMNS: Final = ", ".join(column.name for column in fields(Step))

_TAKE: Final = """
SELECT json_build_object(
    'deal', to_json(d),
    'pipeline', to_json(p),
    'around', json_build_object(
        'customers', (
            SELECT coalesce(json_object_agg(c.id, c.dimensions), '{}')
            FROM customers c WHERE c.id = d.customer_id
        ),
        'territories', (
            SELECT coalesce(json_object_agg(t.code, t.region), '{}')
            FROM teams t WHERE t.code = d.team
        )
    )
)::text
FROM deals d JOIN pipelines p ON p.code = d.pipeline
WHERE d.id = $1
FOR UPDATE OF d"""

_WRITE: Final = f"""
WITH written AS (
    INSERT INTO deals ({_COLUMNS})
    SELECT {_COLUMNS} FROM json_populate_recordset(NULL::deals, $1::json)
    ON CONFLICT (id) DO UPDATE SET ({_COLUMNS}) = (
        SELECT {_COLUMNS} FROM (SELECT EXCLUDED.*) AS newer
    )
    WHERE deals.version < EXCLUDED.version
    RETURNING 1
), left_stages AS (
    UPDATE deal_steps s SET left_at = l.left_at
    FROM json_to_recordset($2::json) AS l(deal_id text, left_at timestamptz)
    WHERE s.deal_id = l.deal_id AND s.left_at IS NULL
), entered AS (
    INSERT INTO deal_steps ({_STEP_COLUMNS})
    SELECT {_STEP_COLUMNS} FROM json_populate_recordset(NULL::deal_steps, $3::json)
), remembered AS (
    INSERT INTO deal_changes
        (deal_id, version, kind, occurred_at, recorded_at, actor, reason, changed)
    SELECT deal_id, version, kind, occurred_at, $5, actor, reason, changed
    FROM json_populate_recordset(NULL::deal_changes, $4::json)
)
SELECT count(*) FROM written"""  # noqa: S608 - the names are those of our own dataclasses

_read_deal: Final = msgspec.json.Decoder(Deal).decode
_read_in_hand: Final = msgspec.json.Decoder(DealInHand).decode


async def take(connection: Connection, deal_id: str) -> DealInHand | None:
    """The deal, locked until the transaction ends."""
    found: str | None = await connection.fetchval(_TAKE, deal_id)
    return None if found is None else _read_in_hand(found)


async def find(connection: Connection, deal_id: str) -> Deal | None:
    """The deal as it is."""
    found: str | None = await connection.fetchval(
        "SELECT to_json(d)::text FROM deals d WHERE id = $1", deal_id
    )
    return None if found is None else _read_deal(found)


async def open_one_at_a_time(connection: Connection) -> None:
    """Hold off others that open deals by an outer name until the transaction ends.

    An import, a conversion and a person may open the deal of one lead or
    external_ref at once; whoever comes second must see the first one's.
    """
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('open a deal by name'))")


async def take_imported(connection: Connection, external_refs: Iterable[str]) -> dict[str, Deal]:
    """The deals of these external refs, locked."""
    rows = await connection.fetch(
        "SELECT to_json(d)::text FROM deals d WHERE external_ref = ANY($1) ORDER BY id FOR UPDATE",
        sorted(external_refs),
    )
    deals = [_read_deal(row[0]) for row in rows]
    return {deal.external_ref or "": deal for deal in deals}


async def leads_with_deals(connection: Connection, lead_ids: Iterable[str]) -> set[str]:
    """Those of the leads that have a deal already."""
    rows = await connection.fetch(
        "SELECT lead_id FROM deals WHERE lead_id = ANY($1)", sorted(lead_ids)
    )
    return {row[0] for row in rows}


async def write(
    run: Callable[..., Awaitable[Any]], revisions: Sequence[Revision], *, recorded_at: datetime
) -> None:
    """Keep the last state of each deal, its stays and its changes.

    `run` executes a statement with its arguments and gives the first value: `Work.write`, or a
    connection's `fetchval`. Revisions of one deal follow each other. Raises ConcurrentChange.
    """
    if not revisions:
        return
    newest = {revision.after.id: revision.after for revision in revisions}
    left, entered = _stays(revisions)
    written = await run(
        _WRITE,
        _json(list(newest.values())),
        _json([{"deal_id": deal_id, "left_at": at} for deal_id, at in left.items()]),
        _json(entered),
        _json([_change(revision) for revision in revisions]),
        recorded_at,
    )
    if written != len(newest):
        raise ConcurrentChange(
            "somebody else changed it at the same moment", hint="read it again and repeat"
        )


def _stays(revisions: Sequence[Revision]) -> tuple[dict[str, datetime], list[Step]]:
    """When the stays that are kept already end, and the new ones with their own ends."""
    left: dict[str, datetime] = {}
    entered: dict[str, list[Step]] = {}
    for revision in revisions:
        after = revision.after
        mine = entered.setdefault(after.id, [])
        if revision.leaves and mine:
            mine[-1] = replace(mine[-1], left_at=after.changed_at)
        elif revision.leaves:
            left[after.id] = after.changed_at
        step = revision.step
        if step is not None:
            mine.append(step)
    return left, [step for steps in entered.values() for step in steps]


def _change(revision: Revision) -> dict[str, Any]:
    after = revision.after
    return {
        "deal_id": after.id,
        "version": after.version,
        "kind": revision.kind,
        "occurred_at": after.changed_at,
        "actor": revision.by,
        "reason": revision.reason,
        "changed": revision.changed,
    }


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
