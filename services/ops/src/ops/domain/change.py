"""A step of a project, task, cost entry or time log from one version to the next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from events.types import EventData
from ops.domain.cost import Cost
from ops.domain.project import Project
from ops.domain.task import Task
from ops.domain.time_log import TimeLog

Subject = Project | Task | Cost | TimeLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What was before, what is now, and the event that tells of it; a task's change has none.

    `act` names a change without an event, `note` is the reason that somebody gave.
    """

    before: Subject | None
    after: Subject
    at: datetime
    data: EventData | None = None
    act: str | None = None
    note: str | None = None
