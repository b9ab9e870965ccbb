"""What the caller may not do, besides what the route's own permission says."""

from __future__ import annotations

from chassis.errors import Forbidden


class TeamOutsideScope(Forbidden):
    """The caller may not put anything into this team."""

    title = "team outside scope"

    def __init__(self, team: str | None) -> None:
        super().__init__(
            f"team {team} is outside your teams"
            if team
            else "a row without a team needs all teams",
            hint="name one of your own teams, or ask somebody who has access to it",
        )


class HistoryNotAllowed(Forbidden):
    """Saying when something happened needs a permission of its own."""

    title = "history not allowed"

    def __init__(self, field: str) -> None:
        super().__init__(
            f"{field} may only be given with the permission history:write",
            field=field,
            hint=f"leave out {field}; the present moment is taken",
        )


class OverrideNotAllowed(Forbidden):
    """Overriding a stage rule needs a permission of its own."""

    title = "override not allowed"

    def __init__(self) -> None:
        super().__init__(
            "override_reason may only be given with the permission deals:override",
            hint="leave it out and keep to the pipeline's rules, or ask a sales lead",
        )
