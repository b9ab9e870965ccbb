"""A period against its plan. Targets tell revenue and not the factors that were to bring it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from metrics.diagnosis.baseline import BaselineKind
from metrics.diagnosis.payload import Compared, Diagnosis
from metrics.diagnosis.rules import Owner
from metrics.diagnosis.verdict import NO_CHANGE
from metrics.diagnosis.views import ContributionView, TotalView

UNDIVIDED: Final = "plan"
"""The one factor of the whole change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The target of revenue in the period asked for, in its scope."""

    amount: int | None
    lacking: Sequence[str] = ()
    """The targets without which there is no amount, as "revenue_net 2024-03 region:North"."""


def against_plan(bare: Diagnosis, amount: int, *, current: int) -> Diagnosis:
    """`bare` with the change told as one factor of nobody's; both sides are booked, not sampled.

    What reaches the plan but for less than a material fall gives no reason to look for a cause.
    """
    delta = current - amount
    missed = delta < 0 and -delta >= bare.rules.material_fall * amount
    told = replace(
        bare,
        helps={"baseline": BaselineKind.YEAR_AGO.value} if missed else {},
        baseline=Compared(kind=BaselineKind.PLAN, amount=amount, season=1.0),
        current=current,
        delta=delta,
        relative=delta / amount if amount > 0 else None,
        contributions=(_contribution(delta),),
        factors=(_factor(delta, missed=missed),),
    )
    return told if missed else replace(told, verdict=NO_CHANGE, reason="")


def _contribution(delta: int) -> ContributionView:
    return ContributionView(
        node=UNDIVIDED, slice="", owner=Owner.UNASSIGNED, amount=delta, low=delta, high=delta
    )


def _factor(delta: int, *, missed: bool) -> TotalView:
    return TotalView(
        node=UNDIVIDED,
        owner=Owner.UNASSIGNED,
        amount=delta,
        low=delta,
        high=delta,
        significant=missed,
        blame=0.0,
    )
