"""What is refused about cost entries and time logs."""

from __future__ import annotations

from datetime import date

from chassis.errors import Conflict, Invalid, NotFound


class CostNotFound(NotFound):
    title = "cost not found"

    def __init__(self, cost_id: str) -> None:
        super().__init__(f"there is no cost entry {cost_id}", hint="list them: GET /v1/costs")


class CostAlreadyVoided(Conflict):
    title = "cost already voided"

    def __init__(self) -> None:
        super().__init__("the cost entry was voided", hint="record a new one: POST /v1/costs")


class CostProjectMissing(Invalid):
    title = "cost project missing"

    def __init__(self) -> None:
        super().__init__(
            "a cost of kind project names its project",
            hint="give project_id, or another kind",
            field="project_id",
        )


class IncurredInFuture(Invalid):
    title = "incurred in future"

    def __init__(self, incurred_on: date, today: date) -> None:
        super().__init__(
            f"{incurred_on} is still to come; the company's day is {today}",
            hint="record a cost when it is incurred; what is planned is a budget",
            field="incurred_on",
        )


class TimeLogNotFound(NotFound):
    title = "time log not found"

    def __init__(self, log_id: str) -> None:
        super().__init__(f"there is no time log {log_id}", hint="list them: GET /v1/time-logs")


class TimeLogAlreadyTakenBack(Conflict):
    title = "time log already taken back"

    def __init__(self) -> None:
        super().__init__("the time log was taken back", hint="enter a new one: POST /v1/time-logs")


class WorkedForNothing(Invalid):
    title = "worked for nothing"

    def __init__(self) -> None:
        super().__init__(
            "time is logged on a project or in a process, on exactly one of them",
            hint="give either project_id or process",
            field="project_id",
        )


class WorkedInFuture(Invalid):
    title = "worked in future"

    def __init__(self, work_date: date, today: date) -> None:
        super().__init__(
            f"{work_date} is still to come; the company's day is {today}",
            hint="log time when it was worked",
            field="work_date",
        )


class DayOverfull(Conflict):
    title = "day overfull"

    def __init__(self, work_date: date, *, logged: int) -> None:
        super().__init__(
            f"the person has {logged} minutes on {work_date} already; a day has 1440",
            hint="correct or take back the logs of that day",
            field="minutes",
        )


class ProjectNamedTwice(Invalid):
    title = "project named twice"

    def __init__(self) -> None:
        super().__init__(
            "the project is named twice",
            hint="give either project_id or project_ref",
            field="project_ref",
        )
