"""Targets: what a KPI was meant to reach in a period, for the company or one member."""

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


class Target(msgspec.Struct, frozen=True, array_like=True):
    """The last revision of a target. `value` is None when it is withdrawn."""

    kpi: str = ""
    start: int = 0
    months: int = 0
    value: int | None = None
    priced: bool = True
    cut: Cut = NOWHERE
    scoped: bool = True
    """Whether its scope names a member, or needs none."""
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
        period = parse_period(data.period)
        cut = NOWHERE
        if data.scope != "company" and data.scope_value is not None:
            cut = cut_of(**{data.scope: data.scope_value})
        priced = data.currency in (None, company.base_currency)
        return Target(
            kpi=data.kpi,
            start=period.start,
            months=period.grain.months or 0,
            value=data.value,
            priced=priced,
            cut=cut,
            scoped=data.scope == "company" or data.scope_value is not None,
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
