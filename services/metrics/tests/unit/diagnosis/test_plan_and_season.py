from __future__ import annotations

import pytest
from diagnosis_example import asked

from metrics.diagnosis import BaselineKind, Owner, Plan, diagnose
from metrics.diagnosis.baseline import seasonal_index


@pytest.mark.parametrize(
    ("planned", "verdict", "reason"),
    [
        (785_000_000, "insufficient_data", "plan_undivided"),
        (710_000_000, "no_material_change", ""),
        (700_000_000, "no_material_change", ""),
    ],
)
def test_whoever_misses_a_plan_the_plan_does_not_tell(
    planned: int, verdict: str, reason: str
) -> None:
    diagnosis = diagnose(
        asked(wanted_baseline=BaselineKind.PLAN, plan=Plan(amount=planned)),
    )

    assert (diagnosis.verdict, diagnosis.reason) == (verdict, reason)
    assert diagnosis.baseline is not None
    assert (diagnosis.baseline.kind, diagnosis.baseline.amount) == (BaselineKind.PLAN, planned)
    assert [part.amount for part in diagnosis.contributions] == [diagnosis.delta]
    assert {part.owner for part in diagnosis.contributions} == {Owner.UNASSIGNED}
    assert diagnosis.delta == 707_590_000 - planned
    assert not diagnosis.order


def test_months_of_a_season_are_counted_around_the_turn_of_the_year() -> None:
    season = [4.0, 1.0, 1.0, *([2.0] * 8), 8.0]

    assert seasonal_index(season, first=1, months=1) == 0.5
    assert seasonal_index(season, first=1, months=3) == 6 / 12
    assert seasonal_index(season, first=5, months=12) == 1
    assert seasonal_index(None, first=1, months=3) is None
