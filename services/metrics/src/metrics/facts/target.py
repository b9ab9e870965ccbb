"""Targets: what a KPI was meant to reach in a period, for the company, a member, or two at once."""

from __future__ import annotations

from functools import cache
from typing import Final

import msgspec

from events.types.pipeline import TargetSet
from metrics.engine.calendar import parse_period
from metrics.engine.company import Company
from metrics.engine.dimension import NOWHERE, Cut, cut_of
from metrics.engine.entry import Entry
from metrics.engine.moment import Moment, MomentKind

TARGET_DIMENSIONS: Final = (
    *("owner", "team", "channel", "segment", "region", "product", "project", "process"),
)


@cache
def target_of(kpi: str) -> MomentKind:
    """Targets of a KPI: on the first day of their period, binned by its length in months."""
    name = f"target.{kpi}"
    return MomentKind(
        name=name, cube=name, dimensions=TARGET_DIMENSIONS, scoped=True, events=(TargetSet,)
    )


def scope_of(data: TargetSet) -> dict[str, str] | None:
    """The members that it is for by their dimensions; None where a partner named no such thing."""
    company = data.scope == "company"
    told: list[tuple[str | None, str | None]] = [] if company else [(data.scope, data.scope_value)]
    if data.second_scope is not None or data.second_scope_value is not None:
        told.append((data.second_scope, data.second_scope_value))
    scope = {dimension: member for dimension, member in told if dimension and member}
    return scope if len(scope) == len(told) and not (company and told) else None


class Target(msgspec.Struct, frozen=True, array_like=True):
    """The last revision of a target. `value` is None when it is withdrawn."""

    kpi: str = ""
    start: int = 0
    months: int = 0
    value: int | None = None
    priced: bool = True
    cut: Cut = NOWHERE
    scoped: bool = True
    """Whether its scopes name their members, or need none, and differ."""
    currency: str | None = None
    """Of the value; None for the base currency, and for what is no money."""


class TargetKind:
    """See `FactKind`."""

    name = "target"
    empty = Target()

    def says(self, kind: MomentKind) -> bool:
        return kind.scoped and kind.cube.startswith("target.")

    def apply(self, state: Target, entry: Entry, /, *, key: str, company: Company) -> Target:  # noqa: ARG002 - as FactKind
        data = entry.data
        if not isinstance(data, TargetSet):
            return state
        period = parse_period(data.period, company.first_month)
        scope = scope_of(data)
        priced = data.currency in (None, company.base_currency)
        return Target(
            kpi=data.kpi,
            start=period.start,
            months=period.grain.months or 0,
            value=data.value,
            priced=priced,
            cut=NOWHERE if scope is None else cut_of(**scope),
            scoped=scope is not None,
            currency=None if priced else data.currency,
        )

    def moments(self, state: Target, _company: Company, /) -> list[Moment]:
        if state.value is None or not state.scoped:
            return []
        minor = state.value if state.priced else None
        return [Moment(target_of(state.kpi), state.start, state.cut, 1, minor, state.months)]

    def problems(self, state: Target, /) -> tuple[str, ...]:
        found = []
        if not state.scoped:
            found.append("target_without_member")
        if state.value is not None and not state.priced:
            found.append("target_in_other_currency")
        return tuple(found)
