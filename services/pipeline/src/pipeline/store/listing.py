"""Finds deals by what they are, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from events import Connection
from pipeline.domain.deal import Deal


@dataclass(frozen=True, slots=True, kw_only=True)
class DealFilter:
    """Which deals; None means any. `teams` None means that the caller sees all teams."""

    teams: frozenset[str] | None
    pipeline: str | None = None
    stage: str | None = None
    status: str | None = None
    team: str | None = None
    owner: str | None = None
    customer_id: str | None = None
    lead_id: str | None = None
    external_ref: str | None = None


_read: Final = msgspec.json.Decoder(Deal).decode


async def find_deals(
    connection: Connection, wanted: DealFilter, *, after: str | None, limit: int
) -> list[Deal]:
    """Deals in the order of their ids, which is that of their recording."""
    conditions: list[str] = []
    values: list[Any] = []

    def where(condition: str, value: Any) -> None:
        values.append(value)
        conditions.append(condition.format(f"${len(values)}"))

    for column in (
        "pipeline",
        "stage",
        "status",
        "team",
        "customer_id",
        "lead_id",
        "external_ref",
    ):
        if (value := getattr(wanted, column)) is not None:
            where(f"{column} = {{}}", value)
    if wanted.status is None:
        conditions.append("status <> 'deleted'")
    if wanted.owner is not None:
        where("owners @> {}::jsonb", _owned_by(wanted.owner))
    if wanted.teams is not None:
        where("(team IS NULL OR team = ANY({}))", sorted(wanted.teams))
    if after is not None:
        where("id > {}", after)
    rows = await connection.fetch(
        f"SELECT to_json(d)::text FROM deals d WHERE {' AND '.join(conditions or ['true'])}"  # noqa: S608 - conditions are our own
        f" ORDER BY id LIMIT {int(limit)}",
        *values,
    )
    return [_read(row[0]) for row in rows]


def _owned_by(person_id: str) -> str:
    return msgspec.json.encode([{"owner_id": person_id}]).decode()
