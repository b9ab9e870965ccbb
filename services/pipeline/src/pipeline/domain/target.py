"""Owns targets: what a KPI should reach, for a scope and a period.

Invariant: one target for each KPI, scope and period; setting it again makes its
next revision, and the earlier ones stay in the events.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from events.types.pipeline import MemberScope, ScopeDimension, TargetSet
from pipeline.errors import FieldMismatch, OccurredTooEarly


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetKey:
    """What the target is for: the natural identity of a target.

    With a second scope it is for what belongs to both, as one product in one region; which of
    them is named first means nothing (`ordered`).
    """

    kpi: str
    scope: ScopeDimension
    scope_value: str | None
    period: str
    second_scope: MemberScope | None = None
    second_scope_value: str | None = None

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
        self._refuse_wrong_pair()

    def _refuse_wrong_pair(self) -> None:
        if (self.second_scope is None) != (self.second_scope_value is None):
            raise FieldMismatch(
                "second_scope_value" if self.second_scope_value is None else "second_scope",
                "second_scope and second_scope_value are given together",
                hint="give both, or leave both out",
            )
        if self.second_scope is not None and self.scope in ("company", self.second_scope):
            raise FieldMismatch(
                "second_scope",
                f"{self.scope} and {self.second_scope} are no pair of dimensions",
                hint="name two different ones, as region and product",
            )

    @property
    def members(self) -> tuple[tuple[MemberScope, str], ...]:
        """The dimensions and members that it is for; none for the company as a whole."""
        named = ((self.scope, self.scope_value), (self.second_scope, self.second_scope_value))
        return tuple((scope, value) for scope, value in named if scope and value)  # type: ignore[misc]  # the company has no value

    def ordered(self) -> TargetKey:
        """The same target with its pair of scopes in the order of the alphabet."""
        if self.second_scope is None or self.scope < self.second_scope:
            return self
        (scope, value), (second_scope, second_value) = sorted(self.members)
        return replace(
            self,
            scope=scope,
            scope_value=value,
            second_scope=second_scope,
            second_scope_value=second_value,
        )

    def __str__(self) -> str:
        whom = " and ".join(value for _, value in self.members) or self.scope
        return f"{self.kpi} of {whom}, {self.period}"


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
            second_scope=self.key.second_scope,
            second_scope_value=self.key.second_scope_value,
        )
