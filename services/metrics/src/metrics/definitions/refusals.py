"""What is refused about own definitions."""

from __future__ import annotations

from chassis.errors import Conflict, Invalid, NotFound


class DefinitionRefused(Invalid):
    """The definition says something that no KPI can be."""

    title = "the KPI cannot be defined so"

    def __init__(self, detail: str, *, field: str, hint: str) -> None:
        super().__init__(detail, field=field, hint=hint)


class DefinitionNotUnderstood(Exception):
    """The form of a definition is of a later release: what it means is not known here."""


class DefinitionNotFound(NotFound):
    """No user has defined a KPI of this id."""

    title = "definition not found"

    def __init__(self, kpi_id: str) -> None:
        super().__init__(
            f"no KPI {kpi_id} was defined by a user", hint="GET /v1/kpis/definitions lists them"
        )


class KpiAlreadyDefined(Conflict):
    """There is a KPI of this id."""

    title = "the KPI is defined already"


class TooManyDefinitions(Conflict):
    """Each own KPI costs something with every event."""

    title = "there are too many own KPIs"
