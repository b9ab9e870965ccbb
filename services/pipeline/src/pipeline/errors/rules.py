"""What selling does not allow, and moments and fields that contradict each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from chassis.errors import Conflict, Invalid


class StageNotInPipeline(Invalid):
    """The pipeline has no such stage."""

    title = "stage not in pipeline"

    def __init__(self, stage: str, *, pipeline: str, stages: Iterable[str]) -> None:
        super().__init__(
            f"pipeline {pipeline} has no stage {stage}",
            field="stage",
            hint=f"its stages are {', '.join(stages)}",
        )


class StageClosesDeal(Invalid):
    """Moving is between open stages; winning and losing say more."""

    title = "stage closes deal"

    def __init__(self, stage: str) -> None:
        super().__init__(
            f"stage {stage} closes the deal", field="stage", hint="win or lose the deal instead"
        )


class StageSkipped(Conflict):
    """The pipeline's rules allow no skipping."""

    title = "stage skipped"

    def __init__(self, skipped: Sequence[str]) -> None:
        super().__init__(
            f"this would skip the stage{'s' if len(skipped) > 1 else ''} {', '.join(skipped)}",
            hint="move stage by stage, or override with deals:override and a reason",
        )


class StageGoesBack(Conflict):
    """The pipeline's rules allow no going back."""

    title = "stage goes back"

    def __init__(self, *, from_stage: str, to_stage: str) -> None:
        super().__init__(
            f"stage {to_stage} lies before {from_stage}, and this pipeline does not go back",
            hint="stay or move on, or override with deals:override and a reason",
        )


class StageFieldsMissing(Conflict):
    """The stage requires fields that the deal does not have."""

    title = "stage fields missing"

    def __init__(self, stage: str, fields: Sequence[str]) -> None:
        super().__init__(
            f"stage {stage} requires {', '.join(fields)}",
            hint="fill them in first, or override with deals:override and a reason",
        )
        self.fields = tuple(fields)


class StageInUse(Conflict):
    """Deals are in a stage that the change would remove or whose type it would change."""

    title = "stage in use"

    def __init__(self, stage: str, deals: int) -> None:
        super().__init__(
            f"{deals} deals are in stage {stage}", hint="move them to another stage first"
        )


class PipelineIsMalformed(Invalid):
    """The stages do not make a pipeline."""

    title = "pipeline is malformed"

    def __init__(self, detail: str, *, field: str = "stages", hint: str) -> None:
        super().__init__(detail, field=field, hint=hint)


class AlreadyInStage(Conflict):
    """The deal is there already."""

    title = "already in stage"

    def __init__(self, stage: str) -> None:
        super().__init__(f"the deal is in stage {stage} already", hint="nothing needs to be done")


class DealAlreadyClosed(Conflict):
    """Won and lost deals are frozen: their numbers have been counted."""

    title = "deal already closed"

    def __init__(self, deal_id: str, status: str) -> None:
        super().__init__(f"deal {deal_id} is {status}", hint="reopen it first")


class DealNotClosed(Conflict):
    """Only a won or lost deal can be reopened."""

    title = "deal not closed"

    def __init__(self, deal_id: str) -> None:
        super().__init__(f"deal {deal_id} is open", hint="nothing needs to be reopened")


class DealIsDeleted(Conflict):
    """A deleted deal takes no commands."""

    title = "deal is deleted"

    def __init__(self, deal_id: str) -> None:
        super().__init__(f"deal {deal_id} was deleted", hint="create a new one")


class CustomerMissing(Conflict):
    """A sale needs somebody who bought."""

    title = "customer missing"

    def __init__(self, deal_id: str) -> None:
        super().__init__(f"deal {deal_id} has no customer", hint="set customer_id before it is won")


class LostNoteMissing(Invalid):
    """The reason `other` says nothing by itself."""

    title = "lost note missing"

    def __init__(self) -> None:
        super().__init__("the reason other needs a note", field="note", hint="say what it was")


class OwnerWeightsDoNotSum(Invalid):
    """The parts of a deal's owners are not the whole."""

    title = "owner weights do not sum"

    def __init__(self, total: int) -> None:
        super().__init__(
            f"the owners' weights sum to {total} basis points",
            field="owners",
            hint="make weight_bp sum to 10000",
        )


class OwnerNamedTwice(Invalid):
    """One owner, one part."""

    title = "owner named twice"

    def __init__(self, owner_id: str) -> None:
        super().__init__(
            f"owner {owner_id} is named twice", field="owners", hint="add up the two weights"
        )


class OccurredTooEarly(Invalid):
    """History is monotone: nothing happens to a thing before what last happened to it."""

    title = "occurred too early"

    def __init__(self, last: datetime, *, field: str = "occurred_at") -> None:
        super().__init__(
            f"the last change before this one was at {last.isoformat()}",
            field=field,
            hint="give a later moment",
        )


class OccurredInFuture(Invalid):
    """Nothing has happened that is still to come."""

    title = "occurred in future"

    def __init__(self, field: str = "occurred_at") -> None:
        super().__init__(
            "the moment lies in the future", field=field, hint="give a moment until now"
        )


class FieldMismatch(Invalid):
    """Two fields of one row contradict each other, or one needs another."""

    title = "field mismatch"

    def __init__(self, field: str, detail: str, *, hint: str) -> None:
        super().__init__(detail, field=field, hint=hint)
