"""What all imports share: deciding row by row, writing set by set.

Invariant: a row that was imported before with the same content changes nothing,
whatever has become of it since; a refused row leaves nothing behind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from chassis.bulk import RowResult, RowStatus, reject
from chassis.errors import Refusal
from chassis.work import Work
from ops.domain.change import Change
from ops.store.changes import record
from ops.store.rows import write
from ops.tables import Table


class Batch:
    """The rows of one request on their way into one table."""

    def __init__(self, table: type[Table]) -> None:
        self.results: list[RowResult] = []
        self._table = table
        self._rows: list[Mapping[str, Any]] = []
        self._changes: list[Change] = []

    def unchanged(self, index: int, subject_id: str) -> None:
        """The row told nothing new."""
        self.results.append(RowResult(index=index, status="unchanged", id=subject_id))

    def refuse(self, index: int, refusal: Refusal) -> None:
        """The row cannot be taken."""
        self.results.append(reject(index, refusal))

    def take(
        self,
        index: int,
        row: Mapping[str, Any],
        *,
        status: RowStatus,
        digest: str,
        changes: Sequence[Change],
    ) -> None:
        """The row becomes this row of the table, by these changes."""
        self.results.append(RowResult(index=index, status=status, id=row["id"]))
        self._rows.append({**row, "import_digest": digest})
        self._changes += changes

    async def write(self, work: Work) -> None:
        """Everything that was taken, in a few statements."""
        await write(work, self._table, self._rows)
        await record(work, self._changes)


def digest_of(row: BaseModel) -> str:
    """Equal for rows of equal content; a field left out equals its default."""
    return hashlib.sha256(row.model_dump_json(exclude_defaults=True).encode()).hexdigest()
