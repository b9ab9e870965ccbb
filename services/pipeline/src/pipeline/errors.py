"""What can be wrong with a command to this service, named as statements.

Each belongs to one of the chassis' families, which decide the HTTP status; the
domain raises them and never sees one.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from chassis.errors import Conflict, Forbidden, Invalid, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class DealNotFound(NotFound):
    """No such deal, or one of a team that the caller does not see."""

    def __init__(self, deal_id: str) -> None:
        super().__init__(f"there is no deal {deal_id}", hint="list the deals to find its id")


class PipelineNotFound(NotFound):
    """No pipeline has this code."""

    def __init__(self, code: str) -> None:
        super().__init__(f"there is no pipeline {code}", hint="GET /v1/pipelines lists them")


class TeamNotFound(NotFound):
    """No team has this code."""

    def __init__(self, code: str) -> None:
        super().__init__(f"there is no team {code}", hint="GET /v1/teams lists them")


class PersonNotFound(NotFound):
    """No person has this id."""

    def __init__(self, person_id: str) -> None:
        super().__init__(f"there is no person {person_id}", hint="GET /v1/people lists them")


class ProductNotFound(NotFound):
    """No product has this code."""

    def __init__(self, code: str) -> None:
        super().__init__(f"there is no product {code}", hint="GET /v1/products lists them")


class TargetNotFound(NotFound):
    """No such target, or one that the caller does not see."""

    def __init__(self, target_id: str) -> None:
        super().__init__(f"there is no target {target_id}", hint="GET /v1/targets lists them")


class ReferenceUnknown(Invalid):
    """A field names something that this service does not know."""

    def __init__(self, field: str, value: str, *, hint: str) -> None:
        super().__init__(f"{value} is not known", field=field, hint=hint)


class CustomerNotKnownYet(Invalid):
    """The customer's registration has not arrived here: it may be on its way."""

    retryable = True

    def __init__(self, customer_id: str) -> None:
        super().__init__(
            f"customer {customer_id} is not known here yet",
            field="customer_id",
            hint="register the customer first; if it was just registered, try again in a moment",
        )


class LeadNotKnownYet(Invalid):
    """The lead's capture has not arrived here: it may be on its way."""

    retryable = True

    def __init__(self, lead_id: str) -> None:
        super().__init__(
            f"lead {lead_id} is not known here yet",
            field="lead_id",
            hint="capture the lead first; if it was just captured, try again in a moment",
        )


class LeadHasDealAlready(Conflict):
    """A lead makes at most one deal."""

    def __init__(self, lead_id: str) -> None:
        super().__init__(
            f"lead {lead_id} has a deal already", hint="change that deal instead of opening another"
        )


class AlreadyExists(Conflict):
    """The natural key of the new row is taken."""

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"{kind} {key} exists already", hint=f"change the existing {kind} instead")


class ExternalRefTaken(Conflict):
    """The name that the other system gave the row belongs to a row that the caller does not see."""

    def __init__(self, external_ref: str) -> None:
        super().__init__(
            f"external_ref {external_ref} is taken",
            field="external_ref",
            hint="use another external_ref, or ask somebody who has access to all teams",
        )


class TeamOutsideScope(Forbidden):
    """The caller may not put anything into this team."""

    def __init__(self, team: str | None) -> None:
        super().__init__(
            f"team {team} is outside your teams"
            if team
            else "a row without a team needs all teams",
            hint="name one of your own teams, or ask somebody who has access to it",
        )


class HistoryNotAllowed(Forbidden):
    """Saying when something happened needs a permission of its own."""

    def __init__(self, field: str) -> None:
        super().__init__(
            f"{field} may only be given with the permission history:write",
            field=field,
            hint=f"leave out {field}; the present moment is taken",
        )


class OverrideNotAllowed(Forbidden):
    """Overriding a stage rule needs a permission of its own."""

    def __init__(self) -> None:
        super().__init__(
            "override_reason may only be given with the permission deals:override",
            hint="leave it out and keep to the pipeline's rules, or ask a sales lead",
        )


class StageNotInPipeline(Invalid):
    """The pipeline has no such stage."""

    def __init__(self, stage: str, *, pipeline: str, stages: Iterable[str]) -> None:
        super().__init__(
            f"pipeline {pipeline} has no stage {stage}",
            field="stage",
            hint=f"its stages are {', '.join(stages)}",
        )


class StageClosesDeal(Invalid):
    """Moving is between open stages; winning and losing say more."""

    def __init__(self, stage: str) -> None:
        super().__init__(
            f"stage {stage} closes the deal", field="stage", hint="win or lose the deal instead"
        )


class StageSkipped(Conflict):
    """The pipeline's rules allow no skipping."""

    def __init__(self, skipped: Sequence[str]) -> None:
        super().__init__(
            f"this would skip the stage{'s' if len(skipped) > 1 else ''} {', '.join(skipped)}",
            hint="move stage by stage, or override with deals:override and a reason",
        )


class StageGoesBack(Conflict):
    """The pipeline's rules allow no going back."""

    def __init__(self, *, from_stage: str, to_stage: str) -> None:
        super().__init__(
            f"stage {to_stage} lies before {from_stage}, and this pipeline does not go back",
            hint="stay or move on, or override with deals:override and a reason",
        )


class StageFieldsMissing(Conflict):
    """The stage requires fields that the deal does not have."""

    def __init__(self, stage: str, fields: Sequence[str]) -> None:
        super().__init__(
            f"stage {stage} requires {', '.join(fields)}",
            hint="fill them in first, or override with deals:override and a reason",
        )
        self.fields = tuple(fields)


class StageInUse(Conflict):
    """Deals are in a stage that the change would remove or whose type it would change."""

    def __init__(self, stage: str, deals: int) -> None:
        super().__init__(
            f"{deals} deals are in stage {stage}", hint="move them to another stage first"
        )


class PipelineIsMalformed(Invalid):
    """The stages do not make a pipeline."""

    def __init__(self, detail: str, *, field: str = "stages", hint: str) -> None:
        super().__init__(detail, field=field, hint=hint)


class AlreadyInStage(Conflict):
    """The deal is there already."""

    def __init__(self, stage: str) -> None:
        super().__init__(f"the deal is in stage {stage} already", hint="nothing needs to be done")


class DealAlreadyClosed(Conflict):
    """Won and lost deals are frozen: their numbers have been counted."""

    def __init__(self, deal_id: str, status: str) -> None:
        super().__init__(f"deal {deal_id} is {status}", hint="reopen it first")


class DealNotClosed(Conflict):
    """Only a won or lost deal can be reopened."""

    def __init__(self, deal_id: str) -> None:
        super().__init__(f"deal {deal_id} is open", hint="nothing needs to be reopened")


class DealIsDeleted(Conflict):
    """A deleted deal takes no commands."""

    def __init__(self, deal_id: str) -> None:
        super().__init__(f"deal {deal_id} was deleted", hint="create a new one")


class CustomerMissing(Conflict):
    """A sale needs somebody who bought."""

    def __init__(self, deal_id: str) -> None:
        super().__init__(f"deal {deal_id} has no customer", hint="set customer_id before it is won")


class LostNoteMissing(Invalid):
    """The reason `other` says nothing by itself."""

    def __init__(self) -> None:
        super().__init__("the reason other needs a note", field="note", hint="say what it was")


class OwnerWeightsDoNotSum(Invalid):
    """The parts of a deal's owners are not the whole."""

    def __init__(self, total: int) -> None:
        super().__init__(
            f"the owners' weights sum to {total} basis points",
            field="owners",
            hint="make weight_bp sum to 10000",
        )


class OwnerNamedTwice(Invalid):
    """One owner, one part."""

    def __init__(self, owner_id: str) -> None:
        super().__init__(
            f"owner {owner_id} is named twice", field="owners", hint="add up the two weights"
        )


class OccurredTooEarly(Invalid):
    """History is monotone: nothing happens to a thing before what last happened to it."""

    def __init__(self, last: datetime, *, field: str = "occurred_at") -> None:
        super().__init__(
            f"the last change before this one was at {last.isoformat()}",
            field=field,
            hint="give a later moment",
        )


class OccurredInFuture(Invalid):
    """Nothing has happened that is still to come."""

    def __init__(self, field: str = "occurred_at") -> None:
        super().__init__(
            "the moment lies in the future", field=field, hint="give a moment until now"
        )


class FieldMismatch(Invalid):
    """Two fields of one row contradict each other, or one needs another."""

    def __init__(self, field: str, detail: str, *, hint: str) -> None:
        super().__init__(detail, field=field, hint=hint)
