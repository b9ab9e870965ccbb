"""What is named and is not there, or is there already."""

from __future__ import annotations

from chassis.errors import Conflict, Invalid, NotFound


class DealNotFound(NotFound):
    """No such deal, or one of a team that the caller does not see."""

    title = "deal not found"

    def __init__(self, deal_id: str) -> None:
        super().__init__(f"there is no deal {deal_id}", hint="list the deals to find its id")


class PipelineNotFound(NotFound):
    """No pipeline has this code."""

    title = "pipeline not found"

    def __init__(self, code: str) -> None:
        super().__init__(f"there is no pipeline {code}", hint="GET /v1/pipelines lists them")


class TeamNotFound(NotFound):
    """No team has this code."""

    title = "team not found"

    def __init__(self, code: str) -> None:
        super().__init__(f"there is no team {code}", hint="GET /v1/teams lists them")


class PersonNotFound(NotFound):
    """No person has this id."""

    title = "person not found"

    def __init__(self, person_id: str) -> None:
        super().__init__(f"there is no person {person_id}", hint="GET /v1/people lists them")


class ProductNotFound(NotFound):
    """No product has this code."""

    title = "product not found"

    def __init__(self, code: str) -> None:
        super().__init__(f"there is no product {code}", hint="GET /v1/products lists them")


class TargetNotFound(NotFound):
    """No such target, or one that the caller does not see."""

    title = "target not found"

    def __init__(self, target_id: str) -> None:
        super().__init__(f"there is no target {target_id}", hint="GET /v1/targets lists them")


class ReferenceUnknown(Invalid):
    """A field names something that this service does not know."""

    title = "reference unknown"

    def __init__(self, field: str, value: str, *, hint: str) -> None:
        super().__init__(f"{value} is not known", field=field, hint=hint)


class CustomerNotKnownYet(Invalid):
    """The customer's registration has not arrived here: it may be on its way."""

    title = "customer not known yet"
    retryable = True

    def __init__(self, customer_id: str) -> None:
        super().__init__(
            f"customer {customer_id} is not known here yet",
            field="customer_id",
            hint="register the customer first; if it was just registered, try again in a moment",
        )


class LeadNotKnownYet(Invalid):
    """The lead's capture has not arrived here: it may be on its way."""

    title = "lead not known yet"
    retryable = True

    def __init__(self, lead_id: str) -> None:
        super().__init__(
            f"lead {lead_id} is not known here yet",
            field="lead_id",
            hint="capture the lead first; if it was just captured, try again in a moment",
        )


class LeadHasDealAlready(Conflict):
    """A lead makes at most one deal."""

    title = "lead has deal already"

    def __init__(self, lead_id: str) -> None:
        super().__init__(
            f"lead {lead_id} has a deal already", hint="change that deal instead of opening another"
        )


class AlreadyExists(Conflict):
    """The natural key of the new row is taken."""

    title = "already exists"

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"{kind} {key} exists already", hint=f"change the existing {kind} instead")


class ExternalRefTaken(Conflict):
    """The name that the other system gave the row belongs to a row that the caller does not see."""

    title = "external ref taken"

    def __init__(self, external_ref: str) -> None:
        super().__init__(
            f"external_ref {external_ref} is taken",
            field="external_ref",
            hint="use another external_ref, or ask somebody who has access to all teams",
        )
