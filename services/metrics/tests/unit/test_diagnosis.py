"""The diagnosis against the worked example of its specification, and its identities."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.diagnosis.attribution import Values, lmdi, logarithmic_mean, shapley
from metrics.diagnosis.contributions import by_factor, contributions
from metrics.diagnosis.figures import Band, Figures, Funnel
from metrics.diagnosis.materiality import robust_z
from metrics.diagnosis.rules import DEFAULT_OWNERS, Owner, Rules
from metrics.diagnosis.sample import observed
from metrics.diagnosis.verdict import judge

THOUSAND: Final = 100_000
"""A thousand yuan, in minor units: the unit of the example."""
QUIET_YEARS: Final = (0.0, 0.01, 0.02, 0.03, 0.04, 0.02, 0.03, 0.01)
"""The example says of its history only that this fall stands out of it."""


def funnel(workable: int, decided: int, won: int, amount: int) -> Funnel:
    return Funnel(workable=workable, decided=decided, won=won, amount_minor=amount * THOUSAND)


def repeat(*counts: int, revenue: float) -> Band:
    base, active, buyers, orders = counts
    minor = round(revenue * THOUSAND)
    return Band(base=base, active=active, buyers=buyers, orders=orders, revenue_minor=minor)


BEFORE: Final = Figures(
    market_minor=500_000 * THOUSAND,
    funnels={"referral": funnel(200, 120, 48, 2_400), "search": funnel(300, 180, 36, 1_440)},
    bands={"all": repeat(1_000, 640, 420, 630, revenue=3_780)},
    reactivated_minor=230 * THOUSAND,
)
AFTER: Final = Figures(
    market_minor=480_000 * THOUSAND,
    funnels={
        "referral": funnel(120, 72, 30, 1_500),
        "search": funnel(380, 228, 47, 1_880),
        "social": funnel(60, 30, 3, 114),
    },
    bands={"all": repeat(1_050, 609, 378, 558, revenue=3_375.9)},
    reactivated_minor=206 * THOUSAND,
)
PRINTED: Final = {
    "market": (-291.4, -296.7),
    "capture": (549.6, 569.9),
    "mix": (-878.1, -896.2),
    "speed": (0.0, 0.0),
    "win_rate": (128.1, 131.1),
    "deal_value": (0.0, 0.0),
    "base": (174.4, 174.7),
    "activity": (-351.8, -352.0),
    "buying": (-199.1, -199.3),
    "frequency": (88.7, 88.9),
    "basket": (29.7, 29.7),
    "reactivation": (-24.0, -24.0),
}
"""Factor to its contribution by LMDI and by Shapley."""


def thousands(before: Figures, after: Figures, **how: object) -> dict[str, float]:
    parts = contributions(observed(before), observed(after), **how)  # type: ignore[arg-type]
    return {factor: float(amount) / THOUSAND for factor, amount in by_factor(parts).items()}


def test_the_worked_example_comes_out_to_the_printed_digit() -> None:
    exact, by_shapley = thousands(BEFORE, AFTER), thousands(BEFORE, AFTER, method=shapley)

    for factor, (printed, printed_shapley) in PRINTED.items():
        assert round(exact[factor], 1) == printed, factor
        assert round(by_shapley[factor], 1) == printed_shapley, factor
    assert sum(exact.values()) == pytest.approx(-774.1, rel=1e-9)


def test_the_worked_example_names_operations_and_says_how_surely() -> None:
    verdict = judge(BEFORE, AFTER, rules=Rules(), history=QUIET_YEARS, seed=("example",))

    assert (verdict.verdict, verdict.reason) == ("operations", "")
    assert verdict.delta_minor == -77_410_000
    assert verdict.relative == pytest.approx(-0.0986, abs=5e-5)
    assert {o: round(s, 2) for o, s in verdict.blame.items()} == {
        Owner.OPERATIONS: 0.73,
        Owner.MARKET: 0.27,
        Owner.SALES: 0.0,
    }
    assert verdict.probability == pytest.approx(0.80, abs=0.03)
    intervals = {f.name: (f.low / THOUSAND, f.high / THOUSAND) for f in verdict.classes}
    assert intervals["operations"] == pytest.approx((-1_447, -83), abs=45)
    assert intervals["sales"] == pytest.approx((-910, 1_171), abs=60)
    assert intervals["market"] == pytest.approx((-317, -269), abs=6)


def test_a_market_that_moves_results_more_makes_it_a_mixed_verdict() -> None:
    def verdict(elasticity: float) -> str:
        rules = Rules(elasticity=elasticity)
        return judge(BEFORE, AFTER, rules=rules, history=QUIET_YEARS).verdict

    assert (verdict(1.0), verdict(1.12)) == ("operations", "mixed")


def test_a_tenth_of_the_volume_is_too_little_to_name_anybody() -> None:
    small = {"referral": funnel(20, 12, 5, 240), "search": funnel(30, 18, 3, 144)}
    before = Figures(market_minor=1, funnels=small, bands=BEFORE.bands)

    verdict = judge(before, before, rules=Rules())

    assert (verdict.verdict, verdict.reason) == ("insufficient_data", "below_floor")
    assert verdict.missing["won"] == (8, 10)


def test_equal_periods_change_nothing_and_blame_nobody() -> None:
    verdict = judge(BEFORE, BEFORE, rules=Rules())

    assert verdict.verdict == "no_material_change"
    assert all(finding.amount == 0 for finding in verdict.factors)


def test_the_same_inputs_and_seed_give_the_same_verdict() -> None:
    first, second = (judge(BEFORE, AFTER, rules=Rules(), seed=("t", "2017-Q1")) for _ in range(2))

    assert (first.classes, first.probability) == (second.classes, second.probability)


def test_the_mirrored_owner_map_mirrors_the_verdict() -> None:
    swap = {Owner.SALES: Owner.OPERATIONS, Owner.OPERATIONS: Owner.SALES}
    owners = {factor: swap.get(owner, owner) for factor, owner in DEFAULT_OWNERS.items()}

    mirrored = judge(BEFORE, AFTER, rules=Rules(owners=owners), history=QUIET_YEARS)

    assert mirrored.verdict == "sales"


def test_a_new_channel_lands_wholly_in_mix() -> None:
    parts = contributions(observed(BEFORE), observed(AFTER))
    social = {part.factor: float(part.amount) for part in parts if part.slice == "social"}

    assert social.pop("mix") == 114 * THOUSAND
    assert set(social.values()) == {0.0}


def test_an_outlier_of_its_own_history_is_told_by_a_robust_z() -> None:
    assert robust_z(-0.1, QUIET_YEARS[:7]) is None
    assert (robust_z(-0.1, QUIET_YEARS) or 0) < -2
    assert abs(robust_z(0.02, QUIET_YEARS) or 0) < 1


factors = st.lists(st.sampled_from([0.0, 0.001, 0.3, 1.0, 7.0, 1e6]), min_size=3, max_size=3)


def arrays(numbers: list[float]) -> list[Values]:
    return [np.asarray(number) for number in numbers]


@given(factors, factors)
def test_contributions_sum_to_the_change_and_negate_when_periods_are_swapped(
    before: list[float], after: list[float]
) -> None:
    change = float(np.prod(after) - np.prod(before))
    for method in (lmdi, shapley):
        forth = method(arrays(before), arrays(after))
        back = method(arrays(after), arrays(before))

        scale = float(np.prod(np.maximum(np.maximum(before, after), 1.0)))
        assert sum(map(float, forth)) == pytest.approx(change, abs=1e-9 * scale)
        for one, other in zip(forth, back, strict=True):
            assert float(one) == pytest.approx(-float(other), abs=1e-9 * scale)


@given(st.floats(1e-6, 1e9), st.floats(1e-6, 1e9))
def test_the_logarithmic_mean_lies_between_geometric_and_arithmetic(a: float, b: float) -> None:
    mean = float(logarithmic_mean(np.asarray(a), np.asarray(b)))

    assert np.sqrt(a * b) * (1 - 1e-9) <= mean <= (a + b) / 2 * (1 + 1e-9)
