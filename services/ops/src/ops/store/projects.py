"""Projects in the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlmodel import col, select

from chassis.work import Work
from events import Money
from events.types.ops import Baseline
from ops.domain.change import Change
from ops.domain.project import Project
from ops.errors.projects import (
    ProjectNotFound,
)
from ops.errors.shared import (
    ExternalRefTaken,
)
from ops.store.changes import record
from ops.store.rows import dimensions_of, hold, visible, write
from ops.tables import ProjectRow


@dataclass(frozen=True, kw_only=True)
class ProjectFilter:
    """Which projects a list shows; None does not filter."""

    customer_id: str | None = None
    owner_id: str | None = None
    team: str | None = None
    stage: str | None = None
    external_ref: str | None = None


class Projects:
    """The projects that the actor of one unit of work may see."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def get(self, project_id: str, *, field: str | None = None) -> Project:
        """Raises ProjectNotFound; `field` names the input that gave the id."""
        return await self._one(project_id, field=field, lock=False)

    async def lock(self, project_id: str) -> Project:
        """The project, which nobody else changes until the commit. Raises ProjectNotFound."""
        return await self._one(project_id, field=None, lock=True)

    async def team_of(self, project_id: str | None) -> str | None:
        """The team of the project that an input names, if it names one. Raises ProjectNotFound."""
        if project_id is None:
            return None
        return (await self.get(project_id, field="project_id")).dimensions.team

    async def list(
        self, wanted: ProjectFilter, *, before_id: str | None, limit: int
    ) -> Sequence[Project]:
        """Newest first."""
        query = select(ProjectRow).where(visible(ProjectRow, self._work.actor))
        for name, value in vars(wanted).items():
            if value is not None:
                query = query.where(getattr(ProjectRow, name) == value)
        if before_id is not None:
            query = query.where(col(ProjectRow.id) < before_id)
        rows = await self._work.session.exec(query.order_by(col(ProjectRow.id).desc()).limit(limit))
        return [project_of(row) for row in rows]

    async def add(self, change: Change) -> None:
        """A new project. Raises ExternalRefTaken."""
        project = change.after
        assert isinstance(project, Project)
        if project.external_ref is not None:
            await hold(self._work, ProjectRow)
            if await self.by_refs([project.external_ref]):
                raise ExternalRefTaken(project.external_ref)
        await self.save(change)

    async def save(self, *changes: Change) -> None:
        """The last of these successive changes as the row, each of them as a line and an event."""
        if changes:
            last = changes[-1].after
            assert isinstance(last, Project)
            await write(self._work, ProjectRow, [row_of(last)])
            await record(self._work, changes)

    async def note(self, project: Project) -> None:
        """Keep a project in which only `changed_at` moved."""
        await write(self._work, ProjectRow, [row_of(project)])

    async def by_id(self, ids: Iterable[str]) -> dict[str, Project]:
        """Those of these projects that the actor may see."""
        found = await self._work.session.exec(
            select(ProjectRow).where(
                col(ProjectRow.id).in_(list(ids)), visible(ProjectRow, self._work.actor)
            )
        )
        return {row.id: project_of(row) for row in found}

    async def by_refs(self, external_refs: Iterable[str]) -> dict[str, tuple[Project, str | None]]:
        """Projects of any team, locked, with the digest of their last import, by external_ref."""
        found = await self._work.session.exec(
            select(ProjectRow)
            .where(col(ProjectRow.external_ref).in_(list(external_refs)))
            .order_by(col(ProjectRow.id))
            .with_for_update()
        )
        return {
            row.external_ref: (project_of(row), row.import_digest)
            for row in found
            if row.external_ref
        }

    async def _one(self, project_id: str, *, field: str | None, lock: bool) -> Project:
        query = select(ProjectRow).where(
            col(ProjectRow.id) == project_id, visible(ProjectRow, self._work.actor)
        )
        found = await self._work.session.exec(query.with_for_update() if lock else query)
        row = found.one_or_none()
        if row is None:
            raise ProjectNotFound(project_id, field=field)
        return project_of(row)


def project_of(row: ProjectRow) -> Project:
    """The project that a row holds."""
    budget = None
    if row.budget_minor is not None and row.budget_currency is not None:
        budget = Money(
            amount_minor=row.budget_minor,
            currency=row.budget_currency,
            rate=row.budget_rate,
            rate_on=row.budget_rate_on,
        )
    kept = {name: getattr(row, name) for name in _AS_THEY_ARE}
    return Project(
        **kept,
        dimensions=dimensions_of(row),
        budget=budget,
        baselines=tuple(msgspec.convert(row.baselines, list[Baseline])),
    )


def row_of(project: Project) -> Mapping[str, Any]:
    """The columns of a project, without its import digest."""
    budget = project.budget
    return {
        **{name: getattr(project, name) for name in _AS_THEY_ARE},
        **msgspec.structs.asdict(project.dimensions),
        "budget_minor": budget.amount_minor if budget else None,
        "budget_currency": budget.currency if budget else None,
        "budget_rate": budget.rate if budget else None,
        "budget_rate_on": budget.rate_on if budget else None,
        "baselines": list(project.baselines),
    }


_AS_THEY_ARE = (
    "id",
    "version",
    "external_ref",
    "name",
    "stage",
    "start_on",
    "due_on",
    "owner_id",
    "customer_id",
    "progress_by",
    "progress_bp",
    "created_at",
    "changed_at",
    "started_at",
    "completed_at",
    "accepted_first_time",
    "evaluation",
    "closed_at",
    "cancelled_at",
)
"""Fields of a project that are columns of the same name and type."""
