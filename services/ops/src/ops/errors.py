"""What ops refuses, each named by its condition, with a hint on how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from chassis.errors import Conflict, Forbidden, Invalid, NotFound

_NAMED = 5
"""Things that one message names at most; more would hide the sentence."""


def _some(titles: Sequence[str]) -> str:
    more = len(titles) - _NAMED
    return ", ".join(repr(title) for title in titles[:_NAMED]) + (f" and {more} more" if more > 0 else "")


# Projects


class ProjectNotFound(NotFound):
    def __init__(self, project_id: str, *, field: str | None = None) -> None:
        super().__init__(
            f"there is no project {project_id}",
            hint="list the projects that you may see: GET /v1/projects",
            field=field,
        )


class ProjectNotInStage(Conflict):
    def __init__(self, stage: str, act: str, needed: Sequence[str]) -> None:
        allowed = " or ".join(needed)
        super().__init__(
            f"a project in stage {stage} cannot be {act}",
            hint=f"this needs the stage {allowed}; the order is plan, execute, monitor, evaluate, closed",
        )


class ProjectAlreadyDelivered(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "the project's work is delivered already",
            hint="take the delivery back first: POST /v1/projects/{id}/reopen",
        )


class ProjectNotDelivered(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "the project's work is not delivered yet",
            hint="say that it is: POST /v1/projects/{id}/complete",
        )


class NothingToReopen(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "the project is neither delivered nor cancelled",
            hint="only a delivery or a cancellation can be taken back",
        )


class DueDayMissing(Invalid):
    def __init__(self) -> None:
        super().__init__(
            "a project that is executed needs a due day",
            hint="set due_on: PATCH /v1/projects/{id}",
            field="due_on",
        )


class EvaluationMissing(Invalid):
    def __init__(self) -> None:
        super().__init__(
            "a project closes only with an evaluation",
            hint="say what went well and what did not, in the field evaluation",
            field="evaluation",
        )


class TooManyBaselines(Conflict):
    def __init__(self, limit: int) -> None:
        super().__init__(
            f"the project was replanned {limit} times already",
            hint="cancel it and plan a new one",
        )


class OccurredBeforeLastChange(Invalid):
    def __init__(self, last_changed_at: datetime, *, field: str = "occurred_at") -> None:
        super().__init__(
            f"it cannot have happened before the last change, which was at {last_changed_at.isoformat()}",
            hint="history is told in order; give that time or a later one",
            field=field,
        )


class HistoryRewritten(Conflict):
    def __init__(self, field: str, *, stored: object) -> None:
        super().__init__(
            f"{field} is already known as {stored}",
            hint="an import adds to a project's history but does not rewrite it; reopen the project instead",
            field=field,
        )


# Tasks


class TaskNotFound(NotFound):
    def __init__(self, task_id: str) -> None:
        super().__init__(
            f"there is no task {task_id}",
            hint="list the project's tasks: GET /v1/projects/{id}/tasks",
        )


class TaskPlanReversed(Invalid):
    def __init__(self, title: str) -> None:
        super().__init__(
            f"task {title!r} is planned to end before it starts",
            hint="give a planned_end_on that is not before planned_start_on",
            field="planned_end_on",
        )


class TooManyTasks(Conflict):
    def __init__(self, limit: int) -> None:
        super().__init__(
            f"a project holds at most {limit} tasks",
            hint="split it into several projects",
        )


class EffortMissing(Invalid):
    def __init__(self, title: str) -> None:
        super().__init__(
            f"task {title!r} has no effort, by which this project's progress is counted",
            hint="give effort_minutes to each task, or count by weight or count",
            field="effort_minutes",
        )


class DependencyUnknown(Invalid):
    def __init__(self, title: str, awaited: str) -> None:
        super().__init__(
            f"task {title!r} waits for {awaited}, which is no task of this project",
            hint="name tasks of the same project: GET /v1/projects/{id}/tasks",
            field="depends_on",
        )


class TaskDependenciesCyclic(Invalid):
    def __init__(self, titles: Sequence[str]) -> None:
        shown = titles if len(titles) <= 2 * _NAMED else [*titles[:_NAMED], "…", *titles[-_NAMED:]]
        super().__init__(
            f"the tasks wait for each other in a circle: {' waits for '.join(shown)}",
            hint="leave out one of these dependencies",
            field="depends_on",
            cycle=list(titles),
        )


class DependencyNotMet(Conflict):
    def __init__(
        self, title: str, *, step: str, kind: str, awaited: str, awaited_step: str
    ) -> None:
        super().__init__(
            f"task {title!r} may not {step} before {awaited!r} has {awaited_step} ({kind})",
            hint=f"let {awaited!r} come first, or take the dependency away",
            field="depends_on",
        )


class TaskAlreadyStarted(Conflict):
    def __init__(self, title: str) -> None:
        super().__init__(f"task {title!r} has started already", hint="report its progress or finish it")


class TaskNotStarted(Conflict):
    def __init__(self, title: str) -> None:
        super().__init__(
            f"task {title!r} has not started yet", hint="start it: POST /v1/tasks/{id}/start"
        )


class TaskAlreadyFinished(Conflict):
    def __init__(self, title: str) -> None:
        super().__init__(
            f"task {title!r} is finished already",
            hint="take the finish back: POST /v1/tasks/{id}/reopen",
        )


class TaskNotFinished(Conflict):
    def __init__(self, title: str) -> None:
        super().__init__(f"task {title!r} is not finished", hint="only a finish can be taken back")


class TaskAwaited(Conflict):
    def __init__(self, title: str, *, by: str) -> None:
        super().__init__(
            f"task {by!r} waits for {title!r}",
            hint=f"take the dependency out of {by!r} first",
        )


class TasksUnfinished(Conflict):
    def __init__(self, titles: Sequence[str]) -> None:
        super().__init__(
            f"{len(titles)} of its tasks are not finished: {_some(titles)}",
            hint="finish them, or remove those that were not started",
        )


# Costs and time


class CostNotFound(NotFound):
    def __init__(self, cost_id: str) -> None:
        super().__init__(f"there is no cost entry {cost_id}", hint="list them: GET /v1/costs")


class CostAlreadyVoided(Conflict):
    def __init__(self) -> None:
        super().__init__("the cost entry was voided", hint="record a new one: POST /v1/costs")


class CostProjectMissing(Invalid):
    def __init__(self) -> None:
        super().__init__(
            "a cost of kind project names its project",
            hint="give project_id, or another kind",
            field="project_id",
        )


class IncurredInFuture(Invalid):
    def __init__(self, incurred_on: date, today: date) -> None:
        super().__init__(
            f"{incurred_on} is still to come; the company's day is {today}",
            hint="record a cost when it is incurred; what is planned is a budget",
            field="incurred_on",
        )


class TimeLogNotFound(NotFound):
    def __init__(self, log_id: str) -> None:
        super().__init__(f"there is no time log {log_id}", hint="list them: GET /v1/time-logs")


class TimeLogAlreadyTakenBack(Conflict):
    def __init__(self) -> None:
        super().__init__("the time log was taken back", hint="enter a new one: POST /v1/time-logs")


class WorkedForNothing(Invalid):
    def __init__(self) -> None:
        super().__init__(
            "time is logged on a project or in a process, on exactly one of them",
            hint="give either project_id or process",
            field="project_id",
        )


class WorkedInFuture(Invalid):
    def __init__(self, work_date: date, today: date) -> None:
        super().__init__(
            f"{work_date} is still to come; the company's day is {today}",
            hint="log time when it was worked",
            field="work_date",
        )


class DayOverfull(Conflict):
    def __init__(self, work_date: date, *, logged: int) -> None:
        super().__init__(
            f"the person has {logged} minutes on {work_date} already; a day has 1440",
            hint="correct or take back the logs of that day",
            field="minutes",
        )


# What all of them share


class ExternalRefTaken(Conflict):
    def __init__(self, external_ref: str) -> None:
        super().__init__(
            f"external_ref {external_ref!r} belongs to another one already",
            hint="leave it out, or use the import, which updates by external_ref",
            field="external_ref",
        )


class TeamNotYours(Forbidden):
    def __init__(self, team: str | None) -> None:
        super().__init__(
            f"you do not belong to team {team}" if team else "you must name a team of yours",
            hint="give a team that your token names",
            field="team",
        )


class CustomerNotKnownYet(Conflict):
    retryable = True

    def __init__(self, customer_id: str) -> None:
        super().__init__(
            f"customer {customer_id} is not known here",
            hint="if it was registered a moment ago, try again in a second; else check the id",
            field="customer_id",
        )
