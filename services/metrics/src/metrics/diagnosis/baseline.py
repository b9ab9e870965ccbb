"""What a period is compared with, and how wide it has to be to say anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from metrics.diagnosis.figures import Figures
from metrics.diagnosis.rules import Rules

MONTHS_NEEDED: Final = 13
"""So many months make sure that the same period last year was observed whole."""


class BaselineKind(StrEnum):
    YEAR_AGO = "year_ago"
    SEASONAL = "seasonal"
    """The previous period, moved to the season of this one."""
    UNSEASONAL = "unseasonal"
    """The previous period as it was: a season may look like a fault."""
    PLAN = "plan"
    """Targets of the period: revenue as a whole, without the factors that were to bring it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    kind: BaselineKind
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A period and whatever there is to compare it with."""

    grain: str
    """month, quarter or year (twelve months)."""
    current: Figures
    months_of_history: int = 0
    year_ago: Figures | None = None
    previous: Figures | None = None
    seasonal_index: float | None = None
    """Volume of this season for one of the previous period's, by the rules."""


def baselines(window: Window, *, wanted: BaselineKind | None = None) -> list[Baseline]:
    """Those whose factors are known, the best first; only `wanted` where one is asked for."""
    found = []
    if window.year_ago and window.months_of_history >= MONTHS_NEEDED:
        found.append(Baseline(kind=BaselineKind.YEAR_AGO, figures=window.year_ago))
    if window.previous and window.seasonal_index:
        moved = replace(window.previous, season=window.seasonal_index)
        found.append(Baseline(kind=BaselineKind.SEASONAL, figures=moved))
    if window.previous:
        found.append(Baseline(kind=BaselineKind.UNSEASONAL, figures=window.previous))
    return [one for one in found if wanted in {None, one.kind}]


def alternative(found: Sequence[Baseline]) -> Baseline | None:
    """The other one that a robust verdict has to stand: a season left in the comparison would
    only show what is wrong with the alternative.
    """
    fit = {BaselineKind.YEAR_AGO, BaselineKind.SEASONAL}
    return next((one for one in found[1:] if one.kind in fit), None)


def seasonal_index(season: Sequence[float] | None, *, first: int, months: int) -> float | None:
    """Volume of a period for one of the period before, by the usual volume of each month.

    `first` is the number of its first month, 1 for January.
    """
    if season is None:
        return None
    now, before = (
        sum(season[(begin + n) % len(season)] for n in range(months))
        for begin in (first - 1, first - 1 - months)
    )
    return now / before


def wide_enough(
    windows: Sequence[Window], rules: Rules, *, wanted: BaselineKind | None = None
) -> tuple[Window, list[Baseline]] | None:
    """The narrowest window above the floors, else the widest; None without any baseline."""
    comparable = [(w, found) for w in windows if (found := baselines(w, wanted=wanted))]
    for window, found in comparable:
        missing = rules.floors.missing(window.current) | rules.floors.missing(found[0].figures)
        if not missing:
            return window, found
    return comparable[-1] if comparable else None
