"""The projects that rows of costs and time logs name, found for a whole batch at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from chassis.auth import Actor
from chassis.work import Work
from ops.domain.project import Project
from ops.errors.entries import (
    ProjectNamedTwice,
)
from ops.errors.projects import (
    ProjectNotFound,
)
from ops.store.projects import Projects


class NamesProject(Protocol):
    """A row that may name a project, by our id or by the caller's."""

    @property
    def project_id(self) -> str | None: ...

    @property
    def project_ref(self) -> str | None: ...


class ReferredProjects:
    """Looks up what a batch's rows name."""

    def __init__(self, by_id: dict[str, Project], by_ref: dict[str, Project]) -> None:
        self._by_id = by_id
        self._by_ref = by_ref

    @classmethod
    async def of(cls, work: Work, rows: Iterable[NamesProject]) -> ReferredProjects:
        """Only projects that the actor may see."""
        named = list(rows)
        projects = Projects(work)
        by_id = await projects.by_id({row.project_id for row in named if row.project_id})
        found = await projects.by_refs({row.project_ref for row in named if row.project_ref})
        return cls(
            by_id,
            {ref: project for ref, (project, _) in found.items() if _seen(work.actor, project)},
        )

    def get(self, row: NamesProject) -> Project | None:
        """The row's project, None if it names none. Raises ProjectNotFound, ProjectNamedTwice."""
        if row.project_id is not None and row.project_ref is not None:
            raise ProjectNamedTwice
        if row.project_id is not None:
            return self._found(self._by_id, row.project_id, field="project_id")
        if row.project_ref is not None:
            return self._found(self._by_ref, row.project_ref, field="project_ref")
        return None

    def _found(self, among: dict[str, Project], name: str, *, field: str) -> Project:
        if name not in among:
            raise ProjectNotFound(name, field=field)
        return among[name]


def _seen(actor: Actor, project: Project) -> bool:
    return actor.sees(project.dimensions.team)
