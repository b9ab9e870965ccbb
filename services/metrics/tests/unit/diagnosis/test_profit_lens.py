"""Profit: revenue's tree goes on with leads at their price and runs at their unit cost."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from diagnosis_example import AFTER, BEFORE, THOUSAND, asked

from metrics.diagnosis import Costs, Figures, Language, Owner, Spending, diagnose, sentence
from metrics.diagnosis.attribution import lmdi, shapley
from metrics.diagnosis.contributions import SPENT, by_factor, contributions
from metrics.diagnosis.payload import Diagnosis
from metrics.diagnosis.sample import observed


def spent(count: int, thousands: float) -> Spending:
    return Spending(count=count, amount_minor=round(thousands * THOUSAND))


def with_costs(
    figures: Figures, acquisition: dict[str, Spending], work: dict[str, Spending]
) -> Figures:
    return replace(figures, costs=Costs(acquisition=acquisition, work=work))


OLD = with_costs(
    BEFORE,
    {"search": spent(400, 200), "fair": spent(0, 30)},
    {"delivery": spent(1_000, 500), "support": spent(200, 80)},
)
NEW = with_costs(
    AFTER,
    {"search": spent(500, 300), "fair": spent(0, 10), "social": spent(90, 45)},
    {"delivery": spent(1_000, 900)},
)


def told(before: Figures, after: Figures) -> dict[str, float]:
    parts = contributions(observed(before), observed(after))
    return {factor: float(amount) / THOUSAND for factor, amount in by_factor(parts).items()}


@pytest.mark.parametrize("method", [lmdi, shapley])
def test_everything_sums_to_the_change_of_profit(method: object) -> None:
    parts = contributions(observed(OLD), observed(NEW), method=method)  # type: ignore[arg-type]
    change = NEW.result_minor - OLD.result_minor
    assert change == -77_410_000 - round((1_255 - 810) * THOUSAND)
    assert sum(float(part.amount) for part in parts) == pytest.approx(change, rel=1e-9)


def test_the_factors_of_revenue_are_what_they_are_without_costs() -> None:
    profit, revenue = told(OLD, NEW), told(BEFORE, AFTER)
    for factor, amount in revenue.items():
        if factor not in SPENT:
            assert profit[factor] == pytest.approx(amount), factor


def test_costs_split_into_how_much_there_was_and_what_each_cost() -> None:
    """By hand: L(200, 300) times the logarithm of each factor's growth, with the other sign."""
    mean = (300 - 200) / math.log(300 / 200)
    factors = told(OLD, NEW)

    # A channel without leads before lies wholly in the number of leads, as a new one does in mix.
    assert factors["lead_count"] == pytest.approx(-mean * math.log(500 / 400) - 45)
    assert factors["cost_per_lead"] == pytest.approx(-mean * math.log(0.6 / 0.5))
    assert factors["unit_cost"] == pytest.approx(-400)
    assert factors["work_volume"] == pytest.approx(80), "support was given up"
    assert factors["other_costs"] == pytest.approx(20), "the fair brought no leads, and cost less"


def test_swapped_periods_negate_everything() -> None:
    there, back = told(OLD, NEW), told(NEW, OLD)
    for factor, amount in there.items():
        assert back[factor] == pytest.approx(-amount, abs=1e-9), factor


def dearer() -> Diagnosis:
    """Nothing was sold less; each run costs twice as much."""
    work = {"delivery": spent(1_000, 1_500)}
    before = with_costs(BEFORE, {}, work)
    after = with_costs(BEFORE, {}, {"delivery": spent(1_000, 3_000)})
    return diagnose(asked(before, after, lens="profit", history=()))


def test_work_that_became_dearer_is_found_with_operations() -> None:
    diagnosis = dearer()

    assert (diagnosis.lens, diagnosis.verdict) == ("profit", "operations")
    worst = min(diagnosis.factors, key=lambda factor: factor.amount)
    assert (worst.node, worst.owner, worst.amount) == ("unit_cost", Owner.OPERATIONS, -150_000_000)
    assert diagnosis.actions[0].recoverable == 150_000_000
    assert diagnosis.baseline is not None
    assert diagnosis.baseline.amount == 785_000_000 - 150_000_000


def test_it_is_told_as_profit_in_both_languages() -> None:
    diagnosis = dearer()

    assert sentence(diagnosis, Language.EN).startswith(
        "Revenue less acquisition and operations fell 23.6% year on year (−1,500.0k). "
        "Main cause: operations: unit cost −1,500.0k"
    )
    assert sentence(diagnosis, Language.ZH).startswith(
        "扣除获客与运营成本后的收益同比下降 23.6%（−150.0 万）。主因在运营：单位成本 −150.0 万"
    )


def test_a_loss_that_grew_has_a_cause_and_no_percentage() -> None:
    before = with_costs(BEFORE, {}, {"delivery": spent(1_000, 9_000)})
    after = with_costs(BEFORE, {}, {"delivery": spent(1_000, 12_000)})
    diagnosis = diagnose(asked(before, after, lens="profit", history=()))

    assert diagnosis.baseline is not None
    assert diagnosis.baseline.amount < 0
    assert (diagnosis.verdict, diagnosis.relative) == ("operations", None)
    assert "fell year on year (−3,000.0k)" in sentence(diagnosis, Language.EN)
    assert sum(part.amount for part in diagnosis.contributions) == diagnosis.delta
