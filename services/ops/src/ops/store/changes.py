"""The audit: one line for each version of a project, task, cost entry or time log.

Invariant: it is written in the transaction of the change, together with the
event that the change causes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

import msgspec
from sqlmodel import col, select

from chassis.work import Work
from events import Dimensions
from ops.domain.change import Change, Subject
from ops.domain.project import Project
from ops.store.rows import write
from ops.tables import ChangeRow

_UNSHOWN: Final = frozenset({"id", "version", "changed_at"})


async def record(work: Work, changes: Sequence[Change]) -> None:
    """Write the audit, and promise the events."""
    await work.record_all(
        (change.data, change.after.version, change.at)
        for change in changes
        if change.data is not None
    )
    now = work.now()
    await write(
        work,
        ChangeRow,
        [
            {
                "subject_id": change.after.id,
                "version": change.after.version,
                "act": _act(change),
                "fields": differing(change.before, change.after),
                "stage": change.after.stage if isinstance(change.after, Project) else None,
                "note": change.note,
                "actor": work.actor.id,
                "occurred_at": change.at,
                "recorded_at": now,
            }
            for change in changes
        ],
    )


async def changed_since(work: Work, subject_id: str, version: int) -> list[str]:
    """Names of the fields that changed after the given version."""
    found = await work.session.exec(
        select(ChangeRow.fields).where(
            col(ChangeRow.subject_id) == subject_id, col(ChangeRow.version) > version
        )
    )
    return sorted({name for names in found for name in names})


async def history_of(
    work: Work, subject_id: str, *, after_version: int, limit: int
) -> Sequence[ChangeRow]:
    """The lines of one subject, oldest first."""
    found = await work.session.exec(
        select(ChangeRow)
        .where(col(ChangeRow.subject_id) == subject_id, col(ChangeRow.version) > after_version)
        .order_by(col(ChangeRow.version))
        .limit(limit)
    )
    return found.all()


def differing(before: Subject | None, after: Subject) -> list[str]:
    """Fields of the API that two versions differ in; all that are set, for the first version."""
    new = _shown(after)
    if before is None:
        return sorted(name for name, value in new.items() if value not in (None, ()))
    old = _shown(before)
    return sorted(name for name, value in new.items() if old[name] != value)


def _shown(subject: Subject) -> Mapping[str, Any]:
    values = {field.name: getattr(subject, field.name) for field in fields(subject)}
    dimensions = values.pop("dimensions", None)
    if isinstance(dimensions, Dimensions):
        values |= msgspec.structs.asdict(dimensions)
    return {name: value for name, value in values.items() if name not in _UNSHOWN}


def _act(change: Change) -> str:
    if change.data is None:
        assert change.act is not None, "a change without an event is named"
        return change.act
    return change.data.wire_type.removeprefix("com.tandem.ops.").rpartition(".v")[0]
