"""What teams, people, products and pipelines share at the edge: changes and imports by key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlmodel.ext.asyncio.session import AsyncSession

from chassis.bulk import RowResult, RowStatus, SortedRows, reject
from chassis.errors import Refusal
from events.types import EventData
from pipeline.store import catalogue
from pipeline.tables import PersonRow, PipelineRow, ProductRow, TeamRow

R = TypeVar("R", bound=BaseModel)
E = TypeVar("E", TeamRow, PersonRow, ProductRow, PipelineRow)

Values = Mapping[str, Any]
Happened = tuple[EventData, int, datetime | None]
"""As `Work.record_all` takes it: without an instant it happens now."""


def said(body: BaseModel, *, besides: Iterable[str] = ()) -> dict[str, Any]:
    """The fields that a body names, as columns hold them."""
    return body.model_dump(mode="json", exclude_unset=True, exclude=set(besides))


def put_rows(
    session: AsyncSession,
    rows: SortedRows[R],
    existing: Mapping[str, E],
    *,
    key: str,
    values: Callable[[R], Values],
    create: Callable[[Values], E],
    identify: Callable[[E], str],
    check: Callable[[R, E | None], None],
    happened: Callable[[E], EventData] | None = None,
) -> tuple[list[RowResult], list[Happened]]:
    """Create or update an entry for each row; `check` raises what is wrong with a row.

    `happened` says what is to be told of an entry that was made or changed.
    """
    results: list[RowResult] = []
    told: list[Happened] = []
    for accepted in rows.accepted:
        entry = existing.get(getattr(accepted.row, key))
        try:
            check(accepted.row, entry)
            given = values(accepted.row)
        except Refusal as refusal:
            results.append(reject(accepted.index, refusal))
            continue
        if entry is None:
            entry = create(given)
            session.add(entry)
            status: RowStatus = "created"
        else:
            status = "updated" if catalogue.update(entry, given) else "unchanged"
        results.append(RowResult(index=accepted.index, status=status, id=identify(entry)))
        if happened is not None and status != "unchanged":
            told.append((happened(entry), entry.version, None))
    return results, told
