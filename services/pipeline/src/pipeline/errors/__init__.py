"""What can be wrong with a command to this service, named as statements.

Each belongs to one of the chassis' families, which decide the HTTP status; the
domain raises them and never sees one.
"""

from __future__ import annotations

from pipeline.errors.permission import (
    HistoryNotAllowed,
    OverrideNotAllowed,
    TeamOutsideScope,
)
from pipeline.errors.rules import (
    AlreadyInStage,
    CustomerMissing,
    DealAlreadyClosed,
    DealIsDeleted,
    DealNotClosed,
    FieldMismatch,
    LostNoteMissing,
    OccurredInFuture,
    OccurredTooEarly,
    OwnerNamedTwice,
    OwnerWeightsDoNotSum,
    PipelineIsMalformed,
    StageClosesDeal,
    StageFieldsMissing,
    StageGoesBack,
    StageInUse,
    StageNotInPipeline,
    StageSkipped,
)
from pipeline.errors.unknown import (
    AlreadyExists,
    CustomerNotKnownYet,
    DealNotFound,
    ExternalRefTaken,
    LeadHasDealAlready,
    LeadNotKnownYet,
    PersonNotFound,
    PipelineNotFound,
    ProductNotFound,
    ReferenceUnknown,
    TargetNotFound,
    TeamNotFound,
)

__all__ = [
    "AlreadyExists",
    "AlreadyInStage",
    "CustomerMissing",
    "CustomerNotKnownYet",
    "DealAlreadyClosed",
    "DealIsDeleted",
    "DealNotClosed",
    "DealNotFound",
    "ExternalRefTaken",
    "FieldMismatch",
    "HistoryNotAllowed",
    "LeadHasDealAlready",
    "LeadNotKnownYet",
    "LostNoteMissing",
    "OccurredInFuture",
    "OccurredTooEarly",
    "OverrideNotAllowed",
    "OwnerNamedTwice",
    "OwnerWeightsDoNotSum",
    "PersonNotFound",
    "PipelineIsMalformed",
    "PipelineNotFound",
    "ProductNotFound",
    "ReferenceUnknown",
    "StageClosesDeal",
    "StageFieldsMissing",
    "StageGoesBack",
    "StageInUse",
    "StageNotInPipeline",
    "StageSkipped",
    "TargetNotFound",
    "TeamNotFound",
    "TeamOutsideScope",
]
