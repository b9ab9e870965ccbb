"""What is refused about all things of ops alike."""

from __future__ import annotations

from chassis.errors import Conflict, Forbidden


class ExternalRefTaken(Conflict):
    title = "external ref taken"

    def __init__(self, external_ref: str) -> None:
        super().__init__(
            f"external_ref {external_ref!r} belongs to another one already",
            hint="leave it out, or use the import, which updates by external_ref",
            field="external_ref",
        )


class TeamNotYours(Forbidden):
    title = "team not yours"

    def __init__(self, team: str | None) -> None:
        super().__init__(
            f"you do not belong to team {team}" if team else "you must name a team of yours",
            hint="give a team that your token names",
            field="team",
        )


class CustomerNotKnownYet(Conflict):
    title = "customer not known yet"
    retryable = True

    def __init__(self, customer_id: str) -> None:
        super().__init__(
            f"customer {customer_id} is not known here",
            hint="if it was registered a moment ago, try again in a second; else check the id",
            field="customer_id",
        )
