"""A task of a project and what it waits for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from ops.errors.tasks import (
    TaskPlanReversed,
)

DONE_BP: Final = 10_000
"""Basis points of a finished task."""


class DependencyKind(StrEnum):
    """Which end of the earlier task holds which end of the later one.

    FS: starts after the other finished. SS: starts after it started.
    FF: finishes after it finished. SF: finishes after it started.
    """

    FS = "FS"
    SS = "SS"
    FF = "FF"
    SF = "SF"

    @property
    def holds_start(self) -> bool:
        """Whether the waiting task may not start (else: may not finish)."""
        return self in (DependencyKind.FS, DependencyKind.SS)

    @property
    def awaits_finish(self) -> bool:
        """Whether the awaited task must be finished (else: started)."""
        return self in (DependencyKind.FS, DependencyKind.FF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """The task waits for another of the same project."""

    task_id: str
    kind: DependencyKind = DependencyKind.FS


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A piece of a project's work. `weight` 0 marks a milestone: it gates, but adds no progress."""

    id: str
    title: str
    version: int = 1
    external_ref: str | None = None
    planned_start_on: date | None = None
    planned_end_on: date | None = None
    effort_minutes: int | None = None
    weight: int = 1
    progress_bp: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    depends_on: tuple[Dependency, ...] = ()

    def __post_init__(self) -> None:
        first, last = self.planned_start_on, self.planned_end_on
        if first is not None and last is not None and last < first:
            raise TaskPlanReversed(self.title)

    def reached(self, dependency: DependencyKind) -> datetime | None:
        """When this task let go of those that wait for it in the given way; None if it has not."""
        return self.finished_at if dependency.awaits_finish else self.started_at
