"""Models of customers: published parameters are found, and formulas are what they integrate."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import kpi_oracles
import numpy as np
import pytest
from customer_lives import lives
from scipy.special import roots_genlaguerre, roots_jacobi

from metrics.engine.measure import COUNT_SCALE
from metrics.facts.buyer.loyalty import BUYER_NEW, BUYER_VALUE
from metrics.kpis import CATALOGUE
from metrics.kpis.models import CLV_PREDICTED
from metrics.models.customers import DAYS_A_YEAR, Occasion, customers_at
from metrics.models.lifetime import FEWEST_REPEATING, predict
from metrics.models.purchasing import (
    Histories,
    Purchasing,
    expected_purchases,
    fit_purchasing,
    log_likelihood,
    still_there,
)
from metrics.models.spending import Spending, expected_amount, fit_spending
from metrics.models.spending import log_likelihood as log_likelihood_of_amounts
from metrics.query.models import Scope

CDNOW = Path(kpi_oracles.__file__).parents[1] / "cdnow.csv"
PUBLISHED = Purchasing(r=0.243, alpha=4.414, a=0.793, b=2.426)


def cdnow() -> Histories:
    lines = [line for line in CDNOW.read_text().splitlines() if not line.startswith("#")]
    rows = [[float(value) for value in row.values()] for row in csv.DictReader(lines)]
    return Histories(*np.array(rows).T)


def one(repeats: float, last: float, age: float) -> Histories:
    return Histories(*(np.array([value]) for value in (repeats, last, age, 1.0)))


def test_bg_nbd_finds_the_published_parameters_of_cdnow() -> None:
    histories = cdnow()
    assert histories.count.sum() == 2357
    found = fit_purchasing(histories, first_can_be_last=False)
    for name, published in vars(PUBLISHED).items():
        assert getattr(found, name) == pytest.approx(published, abs=6e-4), name


def test_fitting_twice_gives_the_same_to_the_last_bit() -> None:
    assert fit_purchasing(cdnow()) == fit_purchasing(cdnow())


def test_mbg_nbd_lets_one_time_buyers_leave_and_fits_better_for_it() -> None:
    histories = cdnow()
    found = fit_purchasing(histories)
    assert still_there(found, one(0, 0, 38)) < 0.8
    better = log_likelihood(found, histories, first_can_be_last=True)
    assert better > log_likelihood(found, histories, first_can_be_last=False)


POPULATIONS = (
    PUBLISHED,
    Purchasing(r=0.5, alpha=6.2, a=0.9, b=1.6),
    Purchasing(r=3.0, alpha=40.0, a=1.0, b=5.0),
    Purchasing(r=1.5, alpha=8.0, a=4.0, b=2.0),
)


@pytest.mark.parametrize("of", POPULATIONS)
@pytest.mark.parametrize("history", [(0, 0, 30), (1, 2, 40), (7, 29, 38), (25, 90, 100)])
def test_formulas_are_what_single_customers_integrate_to(
    of: Purchasing, history: tuple[int, float, float]
) -> None:
    """Customers with a rate and a chance to leave of their own, weighed by how likely they are."""
    x, last, age = history
    ahead = 39.0
    rates, of_rate = roots_genlaguerre(90, of.r + x - 1)
    rates = rates[:, None] / (of.alpha + last)
    turns, of_leaving = roots_jacobi(90, of.b + x - 1, of.a - 1)
    leaving = (1 + turns[None, :]) / 2
    weights = np.outer(of_rate / of_rate.sum(), of_leaving / of_leaving.sum())

    there = (1 - leaving) * np.exp(-rates * (age - last))
    buys = there * -np.expm1(-rates * leaving * ahead) / leaving
    seen = np.sum(weights * (there + leaving))

    known = one(*history)
    wanted_there = np.sum(weights * there) / seen
    wanted_buys = np.sum(weights * buys) / seen
    assert still_there(of, known)[0] == pytest.approx(wanted_there, rel=1e-6)
    assert expected_purchases(of, known, ahead=ahead)[0] == pytest.approx(wanted_buys, rel=1e-6)


def test_expectations_stay_finite_at_the_ends_of_what_can_be_fitted() -> None:
    ends = np.exp([-7.0, 0.0, 7.0])
    for r, alpha, a, b in itertools.product(ends, repeat=4):
        for history in ((0, 0, 30), (300, 150, 156)):
            bought = expected_purchases(Purchasing(r, alpha, a, b), one(*history), ahead=52)[0]
            assert np.isfinite(bought)
            assert bought >= -1e-9


def test_gamma_gamma_finds_the_population_that_amounts_were_drawn_from() -> None:
    random = np.random.default_rng(1)
    of = Spending(p=6.25, q=3.74, v=1_544.0)
    times = random.integers(1, 12, size=6_000).astype(float)
    scales = 1 / random.gamma(of.q, 1 / of.v, size=6_000)
    mean = random.gamma(of.p * times, scales / times)
    found = fit_spending(times, mean)
    # `p` and `v` stand in for each other: only what they make together is known well.
    whole = found.p * found.v / (found.q - 1)
    assert whole == pytest.approx(of.p * of.v / (of.q - 1), rel=0.03)
    assert log_likelihood_of_amounts(found, times, mean) > log_likelihood_of_amounts(
        of, times, mean
    )


@pytest.mark.parametrize(("times", "mean"), [(0.0, 0.0), (1.0, 9_000.0), (12.0, 800.0)])
def test_the_worth_of_a_purchase_is_what_single_customers_integrate_to(
    times: float, mean: float
) -> None:
    of = Spending(p=2.0, q=3.5, v=4_000.0)
    scales, weights = roots_genlaguerre(60, of.p * times + of.q - 1)
    scales = scales / (of.v + times * mean)
    wanted = np.sum(weights * of.p / scales) / weights.sum()
    found = expected_amount(of, np.array([times]), np.array([mean]))[0]
    assert found == pytest.approx(wanted, rel=1e-3)


# -- whole predictions, held against customers who go on living ---------------


def test_a_prediction_is_what_customers_then_leave() -> None:
    until, discount = 4 * DAYS_A_YEAR, 0.1
    population = Purchasing(r=1.2, alpha=12.0, a=1.3, b=5.0)
    people = lives(population, customers=4_000, years=5, seed=7)
    customers = customers_at(until, [[o for o in life if o.day < until] for life in people])
    prediction = predict(customers, discount=discount)
    assert prediction is not None
    left = sum(
        (one.minor or 0) / (1 + discount) ** ((one.day - until) / DAYS_A_YEAR)
        for life in people
        for one in life
        if one.day >= until
    )
    assert prediction.worth.sum() == pytest.approx(left, rel=0.1)
    assert prediction.foreseen.sum() == pytest.approx(
        customers.since[customers.known].sum(), rel=0.1
    )


def test_customers_are_told_by_their_days_with_purchases() -> None:
    history = [Occasion(0, 500), Occasion(70, None), Occasion(650, 700), Occasion(700, 900)]
    customers = customers_at(800, [history, [Occasion(790, None)]])
    assert customers.held_out_days == DAYS_A_YEAR
    assert list(customers.repeats) == [3, 0]
    assert list(customers.last) == [100, 0]
    assert list(customers.age) == pytest.approx([800 / 7, 10 / 7])
    assert list(customers.known) == [True, False]
    assert list(customers.repeats_then) == [1, 0]
    assert list(customers.since) == [2, 1]
    assert list(customers.times_paid) == [3, 0]
    assert list(customers.mean_paid) == [700, 0]


def test_of_a_short_history_the_later_half_is_held_out() -> None:
    assert customers_at(100, [[Occasion(0, 1)]]).held_out_days == 50


def test_too_few_who_came_back_tell_nothing() -> None:
    histories = [[Occasion(0, 10), Occasion(9, 10)]] * (FEWEST_REPEATING - 1)
    assert predict(customers_at(100, histories + [[Occasion(5, 10)]] * 900), discount=0.1) is None


def test_every_purchase_changes_what_is_predicted() -> None:
    """So that whoever keeps or streams the value is told of it."""
    for kind in (BUYER_NEW, BUYER_VALUE):
        assert CLV_PREDICTED in CATALOGUE.kpis_of[kind]


@pytest.mark.parametrize(
    ("customers", "foreseen", "bought", "refusal"),
    [
        (500, 130, 100, None),
        (500, 70, 100, None),
        (500, 131, 100, "holdout_error"),
        (500, 69, 100, "holdout_error"),
        (500, 1, 0, "holdout_error"),
        (499, 100, 100, "below_floor"),
    ],
)
def test_a_model_is_only_believed_when_it_foresaw_the_past(
    customers: int, foreseen: float, bought: float, refusal: str | None
) -> None:
    scope = Scope(customers=customers * COUNT_SCALE, foreseen=foreseen, bought=bought)
    assert scope.refusal(CLV_PREDICTED) == refusal
