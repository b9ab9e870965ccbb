"""Cost entries in the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import tuple_
from sqlmodel import col, select

from chassis.work import Work
from events import Money
from ops.domain.change import Change
from ops.domain.cost import Cost
from ops.errors.entries import (
    CostNotFound,
)
from ops.errors.shared import (
    ExternalRefTaken,
)
from ops.store.changes import record
from ops.store.rows import dimensions_of, hold, visible, write
from ops.tables import CostRow


@dataclass(frozen=True, kw_only=True)
class CostFilter:
    """Which entries a list shows; None does not filter. `to` is excluded, `from_` included."""

    kind: str | None = None
    project_id: str | None = None
    team: str | None = None
    process: str | None = None
    category: str | None = None
    external_ref: str | None = None
    incurred_from: date | None = None
    incurred_to: date | None = None
    voided: bool | None = None


class Costs:
    """The cost entries that the actor of one unit of work may see."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def get(self, cost_id: str, *, lock: bool = False) -> Cost:
        """Raises CostNotFound. With `lock` nobody else changes it until the commit."""
        query = select(CostRow).where(
            col(CostRow.id) == cost_id, visible(CostRow, self._work.actor)
        )
        found = await self._work.session.exec(query.with_for_update() if lock else query)
        row = found.one_or_none()
        if row is None:
            raise CostNotFound(cost_id)
        return cost_of(row)

    async def list(
        self, wanted: CostFilter, *, before: tuple[date, str] | None, limit: int
    ) -> Sequence[Cost]:
        """The latest incurred first."""
        query = select(CostRow).where(visible(CostRow, self._work.actor))
        for name in ("kind", "project_id", "team", "process", "category", "external_ref"):
            value = getattr(wanted, name)
            if value is not None:
                query = query.where(getattr(CostRow, name) == value)
        if wanted.incurred_from is not None:
            query = query.where(col(CostRow.incurred_on) >= wanted.incurred_from)
        if wanted.incurred_to is not None:
            query = query.where(col(CostRow.incurred_on) < wanted.incurred_to)
        if wanted.voided is not None:
            query = query.where(col(CostRow.voided_at).is_not(None) == wanted.voided)
        if before is not None:
            query = query.where(tuple_(col(CostRow.incurred_on), col(CostRow.id)) < before)
        order = (col(CostRow.incurred_on).desc(), col(CostRow.id).desc())
        rows = await self._work.session.exec(query.order_by(*order).limit(limit))
        return [cost_of(row) for row in rows]

    async def add(self, change: Change) -> None:
        """A new entry. Raises ExternalRefTaken."""
        external_ref = change.after.external_ref
        if external_ref is not None:
            await hold(self._work, CostRow)
            if await self.by_refs([external_ref]):
                raise ExternalRefTaken(external_ref)
        await self.save(change)

    async def by_refs(self, external_refs: Iterable[str]) -> dict[str, tuple[Cost, str | None]]:
        """Entries of any team, locked, with the digest of their last import, by external_ref."""
        found = await self._work.session.exec(
            select(CostRow)
            .where(col(CostRow.external_ref).in_(list(external_refs)))
            .order_by(col(CostRow.id))
            .with_for_update()
        )
        return {
            row.external_ref: (cost_of(row), row.import_digest) for row in found if row.external_ref
        }

    async def save(self, change: Change) -> None:
        """The entry after the change, with its line and event."""
        assert isinstance(change.after, Cost)
        await write(self._work, CostRow, [row_of(change.after)])
        await record(self._work, [change])


def cost_of(row: CostRow) -> Cost:
    """The entry that a row holds."""
    return Cost(
        **{name: getattr(row, name) for name in _AS_THEY_ARE},
        amount=Money(
            amount_minor=row.amount_minor,
            currency=row.currency,
            rate=row.rate,
            rate_on=row.rate_on,
        ),
        dimensions=dimensions_of(row),
    )


def row_of(cost: Cost) -> Mapping[str, Any]:
    """The columns of an entry, without its import digest."""
    return {
        **{name: getattr(cost, name) for name in _AS_THEY_ARE},
        **msgspec.structs.asdict(cost.amount),
        **msgspec.structs.asdict(cost.dimensions),
    }


_AS_THEY_ARE = (
    "id",
    "version",
    "external_ref",
    "kind",
    "incurred_on",
    "category",
    "project_id",
    "process",
    "campaign_id",
    "note",
    "changed_at",
    "voided_at",
    "void_reason",
)
"""Fields of an entry that are columns of the same name and type."""
