"""Which fields each version changed: what a stale caller is told.

Invariant: names of fields only, never values, so that erasing a person's data
need not look here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from customer.tables import ChangeRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One version of a customer, contact or lead, and what it changed."""

    subject_id: str
    version: int
    fields: Sequence[str]


async def note(
    session: AsyncSession, changes: Sequence[Change], *, actor: str, at: datetime
) -> None:
    """Keep what was changed; one row per version."""
    rows = [
        {
            "subject_id": change.subject_id,
            "version": change.version,
            "fields": list(change.fields),
            "actor": actor,
            "recorded_at": at,
        }
        for change in changes
    ]
    if rows:
        await session.exec(insert(ChangeRow), params=rows)


async def changed_since(session: AsyncSession, subject_id: str, *, version: int) -> list[str]:
    """Names of the fields that changed after `version`, sorted."""
    found = await session.exec(
        select(ChangeRow.fields).where(
            ChangeRow.subject_id == subject_id, col(ChangeRow.version) > version
        )
    )
    return sorted({field for fields in found for field in fields})
