"""A sample of the diagnosis' simulation: the floors of its report, with a margin for few cases."""

from __future__ import annotations

import numpy as np
import pytest
from bench.diagnosis import EXPECTED, measured, naive, outcome
from bench.diagnosis_cases import Truth, case
from bench.diagnosis_page import Cost, Outcome, page

from metrics.diagnosis import Figures, Rules

QUICK = Rules(draws=400)
CASES = 40
MARGIN = 0.12
"""About two standard errors of a share of 0.88 over so few cases."""


@pytest.mark.parametrize("truth", [t for t in Truth if t is not Truth.MARKET_UNSEEN])
def test_the_true_cause_is_found_and_nobody_else_blamed(truth: Truth) -> None:
    row = measured(truth, 1_000, cases=CASES, rules=QUICK)

    assert row.ours[Outcome.RIGHT] >= 0.88 - MARGIN
    assert row.ours[Outcome.WRONG] <= 0.05 + MARGIN


def test_a_mere_shift_of_channels_misleads_the_naive_rule_and_not_ours() -> None:
    row = measured(Truth.MIX, 1_000, cases=CASES, rules=QUICK)

    assert row.naive[Outcome.RIGHT] < 0.1
    assert row.ours[Outcome.RIGHT] > 0.7


def test_with_few_facts_it_abstains_rather_than_blames() -> None:
    row = measured(Truth.OPERATIONS, 60, cases=CASES, rules=QUICK)

    assert row.ours[Outcome.ABSTAINED] > 0.5
    assert row.ours[Outcome.WRONG] < row.naive[Outcome.WRONG]


@pytest.mark.parametrize(
    ("truth", "verdict", "expected"),
    [
        (Truth.NONE, "no_material_change", Outcome.RIGHT),
        (Truth.NONE, "mixed", Outcome.WRONG),
        (Truth.SALES, "mixed", Outcome.PARTLY),
        (Truth.SALES, "market", Outcome.WRONG),
        (Truth.MIXED, "sales", Outcome.PARTLY),
        (Truth.MIXED, "market", Outcome.WRONG),
        (Truth.MARKET, "insufficient_data", Outcome.ABSTAINED),
    ],
)
def test_outcomes_are_counted_strictly(truth: Truth, verdict: str, expected: Outcome) -> None:
    assert outcome(truth, verdict) is expected
    assert outcome(truth, EXPECTED[truth]) is Outcome.RIGHT


def test_a_fault_takes_from_its_branch_what_it_says() -> None:
    """Over many cases a shift of channels loses 30 % of new sales, and no repeat ones."""
    random = np.random.default_rng(1)
    pairs = [case(Truth.MIX, 2_000, random=random) for _ in range(40)]
    new = [_new(after) / _new(before) for before, after in pairs]
    repeat = [_repeat(after) / _repeat(before) for before, after in pairs]

    assert np.mean(new) == pytest.approx(0.70, abs=0.04)
    assert np.mean(repeat) == pytest.approx(1.0, abs=0.03)
    assert naive(pairs[0][0], pairs[0][0]) == "no_material_change"


def _new(figures: Figures) -> int:
    return sum(funnel.amount_minor for funnel in figures.funnels.values())


def _repeat(figures: Figures) -> int:
    return sum(band.revenue_minor for band in figures.bands.values())


def test_the_page_says_what_was_missed() -> None:
    shares = dict.fromkeys(Outcome, 0.25)
    row = measured(Truth.NONE, 1_000, cases=1, rules=QUICK)
    missed = type(row)(Truth.SALES, 1_000, ours=shares, naive=shares)
    text = page([missed], [missed], cost=Cost(1, 2, 3), cases=600, rules=QUICK)

    assert "**Missed by: sales.**" in text
    assert "| sales | 1,000 | 0.25 | 0.25 | 0.25 | 0.25 | 0.25 | 0.25 |" in text
