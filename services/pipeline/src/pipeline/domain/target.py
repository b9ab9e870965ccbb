"""Owns targets: what a KPI should reach, for a scope and a period.

Invariant: one target for each KPI, scope and period; setting it again makes its
next revision, and the earlier ones stay in the events.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from events.types.pipeline import ScopeDimension, TargetSet
from pipeline.errors import FieldMismatch, OccurredTooEarly


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetKey:
    """What the target is for: the natural identity of a target."""

    kpi: str
    scope: ScopeDimension
    scope_value: str | None
    period: str

    def __post_init__(self) -> None:
        if self.scope == "company" and self.scope_value is not None:
            raise FieldMismatch(
                "scope_value",
                "the company as a whole has no scope_value",
                hint="leave scope_value out, or name another scope",
            )
        if self.scope != "company" and self.scope_value is None:
            raise FieldMismatch(
                "scope_value",
                f"the scope {self.scope} needs a scope_value",
                hint=f"name the {self.scope} that the target is for",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A target's newest revision; `value` None means that it was withdrawn.

    `value` is in minor units of `currency` for KPIs of money, else in the KPI's
    unit times 10,000.
    """

    id: str
    version: int
    key: TargetKey
    value: int | None
    currency: str | None
    changed_at: datetime
    team: str | None = None
    """The team whose business it is; None for targets that everybody may see."""

    @classmethod
    def set(
        cls,
        target_id: str,
        key: TargetKey,
        *,
        value: int,
        currency: str | None,
        at: datetime,
        team: str | None = None,
    ) -> tuple[Target, TargetSet]:
        """Set the first value."""
        target = cls(
            id=target_id,
            version=1,
            key=key,
            value=value,
            currency=currency,
            changed_at=at,
            team=team,
        )
        return target, target.event()

    def revise(
        self, *, value: int | None, currency: str | None, at: datetime
    ) -> tuple[Target, TargetSet | None]:
        """Set another value, or withdraw the target with None; the same again is no change."""
        if at < self.changed_at:
            raise OccurredTooEarly(self.changed_at)
        if (value, currency) == (self.value, self.currency):
            return self, None
        revised = replace(
            self, version=self.version + 1, value=value, currency=currency, changed_at=at
        )
        return revised, revised.event()

    def event(self) -> TargetSet:
        """The fact that this revision is."""
        return TargetSet(
            target_id=self.id,
            kpi=self.key.kpi,
            scope=self.key.scope,
            scope_value=self.key.scope_value,
            period=self.key.period,
            value=self.value,
            currency=self.currency,
        )
