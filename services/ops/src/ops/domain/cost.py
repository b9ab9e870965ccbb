"""Money that was spent.

Invariant: every change adds one to `version` and causes exactly one event; a
voided entry never changes again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from events.money import Money
from events.types import Dimensions
from events.types.ops import CostKind, CostRecorded, CostVoided
from ops.errors.entries import (
    CostAlreadyVoided,
    CostProjectMissing,
    IncurredInFuture,
)
from ops.errors.projects import (
    OccurredBeforeLastChange,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One entry: to win customers, to keep the house running, or for a project."""

    id: str
    kind: CostKind
    amount: Money
    incurred_on: date
    changed_at: datetime
    version: int = 1
    external_ref: str | None = None
    category: str | None = None
    project_id: str | None = None
    process: str | None = None
    campaign_id: str | None = None
    note: str | None = None
    dimensions: Dimensions = field(default_factory=Dimensions)
    voided_at: datetime | None = None
    void_reason: str | None = None

    @classmethod
    def record(cls, *, at: datetime, today: date, **details: Any) -> tuple[Cost, CostRecorded]:
        """Enter a cost. `today` is the company's day: what is not yet spent is not a cost."""
        cost = cls(changed_at=at, **details)
        _check(cost, today)
        return cost, cost.told()

    def correct(
        self, *, at: datetime, today: date, **changes: Any
    ) -> tuple[Cost, CostRecorded | None]:
        """Replace what was entered; the same again changes nothing."""
        if all(getattr(self, name) == value for name, value in changes.items()):
            return self, None
        corrected = self._next(at=at, **changes)
        _check(corrected, today)
        return corrected, corrected.told()

    def void(self, *, at: datetime, reason: str) -> tuple[Cost, CostVoided]:
        """Take a mistaken entry back: it counts nowhere."""
        voided = self._next(at=at, voided_at=at, void_reason=reason)
        return voided, CostVoided(cost_id=self.id)

    def _next(self, *, at: datetime, **changes: Any) -> Cost:
        if self.voided_at is not None:
            raise CostAlreadyVoided
        if at < self.changed_at:
            raise OccurredBeforeLastChange(self.changed_at)
        return replace(self, version=self.version + 1, changed_at=at, **changes)

    def told(self) -> CostRecorded:
        """What others hear of the entry."""
        return CostRecorded(
            cost_id=self.id,
            kind=self.kind,
            amount=self.amount,
            incurred_on=self.incurred_on,
            category=self.category,
            project_id=self.project_id,
            process=self.process,
            campaign_id=self.campaign_id,
            dimensions=self.dimensions,
        )


def _check(cost: Cost, today: date) -> None:
    if cost.kind == "project" and cost.project_id is None:
        raise CostProjectMissing
    if cost.incurred_on > today:
        raise IncurredInFuture(cost.incurred_on, today)
