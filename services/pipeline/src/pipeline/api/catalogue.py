"""What teams, people, products and pipelines share at the edge: changes and imports by key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlmodel.ext.asyncio.session import AsyncSession

from chassis.bulk import RowResult, SortedRows, reject
from chassis.errors import Refusal
from pipeline.store import catalogue
from pipeline.tables import PersonRow, PipelineRow, ProductRow, TeamRow

R = TypeVar("R", bound=BaseModel)
E = TypeVar("E", TeamRow, PersonRow, ProductRow, PipelineRow)

Values = Mapping[str, Any]


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
) -> list[RowResult]:
    """Create or update an entry for each row; `check` raises what is wrong with a row."""
    results: list[RowResult] = []
    for accepted in rows.accepted:
        entry = existing.get(getattr(accepted.row, key))
        try:
            check(accepted.row, entry)
            given = values(accepted.row)
        except Refusal as refusal:
            results.append(reject(accepted.index, refusal))
            continue
        if entry is None:
            made = create(given)
            session.add(made)
            results.append(RowResult(index=accepted.index, status="created", id=identify(made)))
            continue
        changed = catalogue.update(entry, given)
        results.append(
            RowResult(
                index=accepted.index,
                status="updated" if changed else "unchanged",
                id=identify(entry),
            )
        )
    return results
