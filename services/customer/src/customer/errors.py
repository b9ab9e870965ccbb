"""What customers, contacts and leads refuse, named as statements."""

from __future__ import annotations

from datetime import datetime

from chassis.errors import Conflict, Forbidden, Invalid, NotFound


class CustomerNotFound(NotFound):
    title = "customer not found"

    def __init__(self, customer_id: str) -> None:
        super().__init__(
            f"no customer {customer_id} that you may see",
            hint="list the customers that you may see with GET /v1/customers",
        )


class ContactNotFound(NotFound):
    title = "contact not found"

    def __init__(self, contact_id: str) -> None:
        super().__init__(
            f"the customer has no contact {contact_id}",
            hint="list them with GET /v1/customers/{id}/contacts",
        )


class LeadNotFound(NotFound):
    title = "lead not found"

    def __init__(self, lead_id: str) -> None:
        super().__init__(
            f"no lead {lead_id} that you may see",
            hint="list the leads that you may see with GET /v1/leads",
        )


class ExternalRefTaken(Conflict):
    """Names the other row only to those who may see it."""

    title = "external_ref is taken"

    def __init__(self, external_ref: str, *, existing_id: str | None) -> None:
        members = {} if existing_id is None else {"existing_id": existing_id}
        super().__init__(
            f"another row has the external_ref {external_ref!r}",
            hint="change the existing row, or give this one another external_ref",
            field="external_ref",
            **members,
        )


class TeamNotYours(Forbidden):
    title = "not a team of yours"

    def __init__(self, team: str) -> None:
        super().__init__(
            f"you do not belong to the team {team!r}",
            hint="name a team of yours, or ask somebody who works for all teams",
            field="team",
        )


class OccurredBeforeLastChange(Invalid):
    title = "before the last change"

    def __init__(self, last: datetime, *, field: str = "occurred_at") -> None:
        super().__init__(
            f"it cannot have happened before the last change, at {last.isoformat()}",
            hint="give a later moment, or leave it out when it happens now",
            field=field,
        )
        self.last = last


class LeadAlreadyContacted(Conflict):
    title = "the lead was contacted already"

    def __init__(self, lead_id: str) -> None:
        super().__init__(
            f"lead {lead_id} was contacted or qualified before",
            hint="only the first contact counts; go on with qualify or disqualify",
        )


class LeadAlreadyQualified(Conflict):
    title = "the lead is qualified already"

    def __init__(self, lead_id: str) -> None:
        super().__init__(f"lead {lead_id} is qualified", hint="go on with convert or disqualify")


class LeadAlreadyDisqualified(Conflict):
    title = "the lead is disqualified"

    def __init__(self, lead_id: str) -> None:
        super().__init__(
            f"lead {lead_id} is disqualified",
            hint="capture a new lead when the interest comes back",
        )


class LeadAlreadyConverted(Conflict):
    title = "the lead is converted"

    def __init__(self, lead_id: str) -> None:
        super().__init__(f"lead {lead_id} is converted", hint="work with its customer")


class LeadNotQualified(Conflict):
    title = "the lead is not qualified"

    def __init__(self, lead_id: str) -> None:
        super().__init__(f"lead {lead_id} is not qualified", hint="qualify it first")


class LeadConvertedOtherwise(Conflict):
    title = "the lead was converted otherwise"

    def __init__(self, lead_id: str, customer_id: str) -> None:
        super().__init__(
            f"lead {lead_id} was converted to another customer or with another deal",
            hint="read the lead for what it became; a conversion is final",
            customer_id=customer_id,
        )


class CustomerNameMissing(Invalid):
    title = "the customer has no name"

    def __init__(self) -> None:
        super().__init__(
            "the lead has no name to give to its customer",
            hint="give customer.name, or customer_id of an existing customer",
            field="customer.name",
        )


class CustomerUnknown(Invalid):
    title = "the customer is not known"

    def __init__(self, customer_id: str) -> None:
        super().__init__(
            f"no customer {customer_id} that you may see",
            hint="register or import the customer first, or leave customer_id out",
            field="customer_id",
        )


class KnownOtherwise(Conflict):
    title = "known otherwise"

    def __init__(self, field: str, known: str) -> None:
        super().__init__(
            f"{field} is known as {known} and cannot be rewritten",
            hint="leave the field out, or send what is known",
            field=field,
        )


class MomentInFuture(Invalid):
    title = "the moment lies in the future"

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} lies in the future", hint="give a past instant", field=field)


class ContradictsItself(Invalid):
    title = "contradicts itself"

    def __init__(self, detail: str, *, field: str, hint: str) -> None:
        super().__init__(detail, field=field, hint=hint)
