"""What is refused about tasks and the network that they form."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.errors import Conflict, Invalid, NotFound

_NAMED = 5
"""Things that one message names at most; more would hide the sentence."""


def _some(titles: Sequence[str]) -> str:
    more = len(titles) - _NAMED
    return ", ".join(repr(title) for title in titles[:_NAMED]) + (
        f" and {more} more" if more > 0 else ""
    )


class TaskNotFound(NotFound):
    title = "task not found"

    def __init__(self, task_id: str) -> None:
        super().__init__(
            f"there is no task {task_id}",
            hint="list the project's tasks: GET /v1/projects/{id}/tasks",
        )


class TaskPlanReversed(Invalid):
    title = "task plan reversed"

    def __init__(self, title: str) -> None:
        super().__init__(
            f"task {title!r} is planned to end before it starts",
            hint="give a planned_end_on that is not before planned_start_on",
            field="planned_end_on",
        )


class TooManyTasks(Conflict):
    title = "too many tasks"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"a project holds at most {limit} tasks",
            hint="split it into several projects",
        )


class EffortMissing(Invalid):
    title = "effort missing"

    def __init__(self, title: str) -> None:
        super().__init__(
            f"task {title!r} has no effort, by which this project's progress is counted",
            hint="give effort_minutes to each task, or count by weight or count",
            field="effort_minutes",
        )


class DependencyUnknown(Invalid):
    title = "dependency unknown"

    def __init__(self, title: str, awaited: str) -> None:
        super().__init__(
            f"task {title!r} waits for {awaited}, which is no task of this project",
            hint="name tasks of the same project: GET /v1/projects/{id}/tasks",
            field="depends_on",
        )


class TaskDependenciesCyclic(Invalid):
    title = "task dependencies cyclic"

    def __init__(self, titles: Sequence[str]) -> None:
        shown = titles if len(titles) <= 2 * _NAMED else [*titles[:_NAMED], "…", *titles[-_NAMED:]]
        super().__init__(
            f"the tasks wait for each other in a circle: {' waits for '.join(shown)}",
            hint="leave out one of these dependencies",
            field="depends_on",
            cycle=list(titles),
        )


class DependencyNotMet(Conflict):
    title = "dependency not met"

    def __init__(
        self, title: str, *, step: str, kind: str, awaited: str, awaited_step: str
    ) -> None:
        super().__init__(
            f"task {title!r} may not {step} before {awaited!r} has {awaited_step} ({kind})",
            hint=f"let {awaited!r} come first, or take the dependency away",
            field="depends_on",
        )


class TaskAlreadyStarted(Conflict):
    title = "task already started"

    def __init__(self, title: str) -> None:
        super().__init__(
            f"task {title!r} has started already", hint="report its progress or finish it"
        )


class TaskNotStarted(Conflict):
    title = "task not started"

    def __init__(self, title: str) -> None:
        super().__init__(
            f"task {title!r} has not started yet", hint="start it: POST /v1/tasks/{id}/start"
        )


class TaskAlreadyFinished(Conflict):
    title = "task already finished"

    def __init__(self, title: str) -> None:
        super().__init__(
            f"task {title!r} is finished already",
            hint="take the finish back: POST /v1/tasks/{id}/reopen",
        )


class TaskNotFinished(Conflict):
    title = "task not finished"

    def __init__(self, title: str) -> None:
        super().__init__(f"task {title!r} is not finished", hint="only a finish can be taken back")


class TaskAwaited(Conflict):
    title = "task awaited"

    def __init__(self, title: str, *, by: str) -> None:
        super().__init__(
            f"task {by!r} waits for {title!r}",
            hint=f"take the dependency out of {by!r} first",
        )


class TasksUnfinished(Conflict):
    title = "tasks unfinished"

    def __init__(self, titles: Sequence[str]) -> None:
        super().__init__(
            f"{len(titles)} of its tasks are not finished: {_some(titles)}",
            hint="finish them, or remove those that were not started",
        )


class TaskRepeated(Invalid):
    title = "task repeated"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"two tasks of the project are called {name!r}",
            hint="give each task an external_ref of its own",
            field="tasks",
        )
