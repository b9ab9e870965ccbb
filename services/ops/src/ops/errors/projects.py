"""What is refused about projects and their history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from chassis.errors import Conflict, Invalid, NotFound


class ProjectNotFound(NotFound):
    title = "project not found"

    def __init__(self, project_id: str, *, field: str | None = None) -> None:
        super().__init__(
            f"there is no project {project_id}",
            hint="list the projects that you may see: GET /v1/projects",
            field=field,
        )


class ProjectNotInStage(Conflict):
    title = "project not in stage"

    def __init__(self, stage: str, act: str, needed: Sequence[str]) -> None:
        allowed = " or ".join(needed)
        super().__init__(
            f"a project in stage {stage} cannot be {act}",
            hint=f"this needs the stage {allowed};"
            " the order is plan, execute, monitor, evaluate, closed",
        )


class ProjectAlreadyDelivered(Conflict):
    title = "project already delivered"

    def __init__(self) -> None:
        super().__init__(
            "the project's work is delivered already",
            hint="take the delivery back first: POST /v1/projects/{id}/reopen",
        )


class ProjectNotDelivered(Conflict):
    title = "project not delivered"

    def __init__(self) -> None:
        super().__init__(
            "the project's work is not delivered yet",
            hint="say that it is: POST /v1/projects/{id}/complete",
        )


class NothingToReopen(Conflict):
    title = "nothing to reopen"

    def __init__(self) -> None:
        super().__init__(
            "the project is neither delivered nor cancelled",
            hint="only a delivery or a cancellation can be taken back",
        )


class DueDayMissing(Invalid):
    title = "due day missing"

    def __init__(self) -> None:
        super().__init__(
            "a project that is executed needs a due day",
            hint="set due_on: PATCH /v1/projects/{id}",
            field="due_on",
        )


class EvaluationMissing(Invalid):
    title = "evaluation missing"

    def __init__(self) -> None:
        super().__init__(
            "a project closes only with an evaluation",
            hint="say what went well and what did not, in the field evaluation",
            field="evaluation",
        )


class TooManyBaselines(Conflict):
    title = "too many baselines"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"the project was replanned {limit} times already",
            hint="cancel it and plan a new one",
        )


class OccurredBeforeLastChange(Invalid):
    title = "occurred before last change"

    def __init__(self, last_changed_at: datetime, *, field: str = "occurred_at") -> None:
        super().__init__(
            f"it cannot have happened before the last change, at {last_changed_at.isoformat()}",
            hint="history is told in order; give that time or a later one",
            field=field,
        )


class OccurredInFuture(Invalid):
    title = "occurred in future"

    def __init__(self, field: str) -> None:
        super().__init__(
            f"{field} lies in the future",
            hint="leave it out until it has happened",
            field=field,
        )


class HistoryRewritten(Conflict):
    title = "history rewritten"

    def __init__(self, field: str, *, stored: object) -> None:
        super().__init__(
            f"{field} is already known as {stored}",
            hint="an import adds to a history and does not rewrite it; reopen the project instead",
            field=field,
        )
