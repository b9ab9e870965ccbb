from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from diagnosis_example import AFTER, BEFORE, asked

from metrics.diagnosis import Cut, Figures, Owner, Portion, Reading, Rules, diagnose
from metrics.diagnosis.drill import drill_cut
from metrics.diagnosis.evidence import WITNESSES, evidence
from metrics.diagnosis.materiality import robust_z
from metrics.diagnosis.statistics import (
    discoveries,
    jensen_shannon,
    largest_remainder,
    newcombe,
    of_counted,
)
from metrics.engine.sketch import size_of
from metrics.query.figures import coefficient_of_variation

RETENTION_FELL = Reading(
    kpi="customer_retention",
    baseline=0.42,
    current=0.30,
    baseline_count=1_000,
    current_count=1_050,
    link="/v1/kpis/customer_retention/explain",
)
CSAT_ROSE = replace(RETENTION_FELL, kpi="csat", baseline=0.60, current=0.80)


def test_evidence_always_comes_in_the_same_order() -> None:
    readings = [Reading(kpi=kpi, baseline=1.0, current=1.0) for kpi in reversed(WITNESSES)]

    seen = evidence(readings, BEFORE, AFTER, rules=Rules())

    assert list(dict.fromkeys(one.kpi for one in seen)) == list(WITNESSES)
    assert [one.slice for one in seen if one.kpi == "win_rate"] == ["", "referral", "search"]


def test_a_kpi_that_worsened_beyond_chance_supports_its_department() -> None:
    [fell] = [one for one in diagnose(asked(readings=[RETENTION_FELL])).evidence if one.link]

    assert (fell.supports, fell.contradicts) == (Owner.OPERATIONS, None)
    assert fell.z is not None
    assert fell.z < -4
    assert fell.low is not None
    assert fell.high is not None
    assert fell.low < fell.delta < fell.high < 0


def test_evidence_against_the_verdict_lowers_its_confidence() -> None:
    plain = diagnose(asked())
    contradicted = diagnose(asked(readings=[CSAT_ROSE]))
    supported = diagnose(asked(readings=[RETENTION_FELL]))

    assert plain.verdict == contradicted.verdict == supported.verdict == "operations"
    assert plain.confidence == supported.confidence == "medium"
    assert contradicted.confidence == "low"


def test_what_may_be_chance_speaks_for_nobody() -> None:
    little = replace(RETENTION_FELL, baseline_count=10, current_count=10)
    untold = replace(RETENTION_FELL, baseline_count=None, current_count=None)

    for reading in (little, untold):
        [seen] = [one for one in diagnose(asked(readings=[reading])).evidence if one.link]
        assert seen.supports is seen.contradicts is None


def test_a_win_rate_over_all_channels_speaks_for_nobody_as_it_moves_with_their_mix() -> None:
    fell = Reading(
        kpi="win_rate", baseline=0.28, current=0.14, baseline_count=900, current_count=900
    )
    whole, one = evidence([fell, replace(fell, slice="z")], BEFORE, AFTER, rules=Rules())[:4:3]

    assert (whole.slice, whole.supports) == ("", None)
    assert (one.slice, one.supports) == ("z", Owner.SALES)


def test_a_larger_share_of_a_smaller_market_speaks_for_the_market() -> None:
    share = Reading(kpi="market_share", baseline=0.10, current=0.12, low=0.01, high=0.03)
    seen = {one.kpi: one for one in evidence([share], BEFORE, AFTER, rules=Rules())}

    assert seen["market_share"].supports is Owner.MARKET
    assert seen["market_size"].supports is Owner.MARKET


def test_sales_and_market_together_need_the_reasons_of_lost_deals() -> None:
    shrunk, unsold = 0.7, 0.6
    after = replace(
        BEFORE,
        market_minor=round(shrunk * 500_000) * 100_000,
        funnels={
            name: replace(
                f,
                workable=round(f.workable * shrunk),
                decided=round(f.decided * shrunk),
                won=round(f.won * shrunk * unsold),
                amount_minor=round(f.amount_minor * shrunk * unsold),
            )
            for name, f in BEFORE.funnels.items()
        },
    )
    big = [_times(side, 20) for side in (BEFORE, after)]
    rules = Rules(elasticities=(), contested={})
    reasons = Reading(kpi="lost_no_budget", baseline=0.2, current=0.2)

    alone, told = (diagnose(asked(*big, rules=rules, readings=r)) for r in ([], [reasons]))

    assert alone.order == told.order
    assert set(alone.order) == {Owner.SALES, Owner.MARKET}
    assert (alone.confidence, told.confidence) == ("medium", "high")


def _times(figures: Figures, factor: int) -> Figures:
    return replace(
        figures,
        funnels={
            n: replace(
                f,
                workable=f.workable * factor,
                decided=f.decided * factor,
                won=f.won * factor,
                amount_minor=f.amount_minor * factor,
            )
            for n, f in figures.funnels.items()
        },
    )


# -- drill --------------------------------------------------------------------

Portions = dict[tuple[str, ...], Portion]
EVEN: Portions = {
    (place,): Portion(amount_minor=1_000_000, count=400) for place in ("n", "e", "s", "w")
}
NORTH_FELL: Portions = {**EVEN, ("n",): Portion(amount_minor=500_000, count=200)}


def by_two(left: float) -> Portions:
    """Regions by products; `left` of the first product in the north."""
    return {
        (place, product): Portion(
            amount_minor=round(500_000 * (left if (place, product) == ("n", "p") else 1)), count=200
        )
        for place in ("n", "e", "s", "w")
        for product in ("p", "q")
    }


def test_the_slice_that_fell_is_named_with_all_its_power() -> None:
    found = drill_cut(Cut(dimensions=("region",), before=EVEN, after=NORTH_FELL), None, Rules())

    [north] = found.elements
    assert (north.slice, north.amount_minor, north.power) == (("n",), -500_000, 1.0)
    assert found.ripple == 1.0


def test_few_facts_are_not_named() -> None:
    tiny: Portions = {name: replace(portion, count=20) for name, portion in EVEN.items()}
    fallen: Portions = {**tiny, ("n",): Portion(amount_minor=100_000, count=2)}

    assert not drill_cut(
        Cut(dimensions=("region",), before=tiny, after=fallen), None, Rules()
    ).elements


def test_a_fall_of_one_product_only_is_no_even_fall_of_its_region() -> None:
    finest = Cut(dimensions=("region", "product"), before=by_two(1), after=by_two(0.2))
    region = Cut(
        dimensions=("region",),
        before=EVEN,
        after={**EVEN, ("n",): Portion(amount_minor=600_000, count=240)},
    )

    coarse, fine = (drill_cut(cut, finest, Rules()) for cut in (region, finest))

    assert [one.slice for one in coarse.elements] == [("n",)]
    assert [one.slice for one in fine.elements] == [("n", "p")]
    assert fine.ripple == 1.0
    assert coarse.ripple == pytest.approx(1 - 0.5**0.5)


def test_other_cuts_follow_the_tree_the_more_surprising_first() -> None:
    region = Cut(dimensions=("region",), before=EVEN, after=NORTH_FELL)
    product = Cut(
        dimensions=("product",),
        before={("p",): Portion(amount_minor=4_000_000, count=1_600)},
        after={("p",): Portion(amount_minor=3_500_000, count=1_400)},
    )

    cuts = [one.dimensions for one in diagnose(asked(cuts=[product, region])).drill]

    assert cuts == [("factor", "slice"), ("region",), ("product",)]


def test_three_dimensions_are_refused() -> None:
    with pytest.raises(ValueError, match="one dimension or two"):
        drill_cut(Cut(dimensions=("a", "b", "c"), before={}, after={}), None, Rules())


# -- statistics, against published values -------------------------------------


def test_newcombe_gives_the_published_interval() -> None:
    """Newcombe (1998), table II, case (a), method 10: 56/70 - 48/80, 95 %."""
    low, high = newcombe((48 / 80, 80), (56 / 70, 70), z=1.959964)

    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_benjamini_and_hochberg_reject_the_four_of_their_paper() -> None:
    p_values = [
        *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
        *(0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000),
    ]

    assert discoveries(p_values, 0.05) == {0, 1, 2, 3}
    assert discoveries([], 0.05) == set()


def test_surprise_is_nothing_for_an_unchanged_share_and_finite_for_one_that_vanished() -> None:
    assert jensen_shannon(0.3, 0.3) == 0
    assert 0 < jensen_shannon(0.1, 0.2) < jensen_shannon(0.0, 0.2)


def test_rounding_keeps_the_sum() -> None:
    assert largest_remainder([0.4, 0.4, 0.4, -0.2], 1) == [1, 0, 0, 0]
    assert largest_remainder([-0.5, -0.5], -1) == [0, -1]


def test_an_outlier_of_its_own_history_is_told_by_a_robust_z() -> None:
    quiet = (0.0, 0.01, 0.02, 0.03, 0.04, 0.02, 0.03, 0.01)

    assert robust_z(-0.1, quiet[:7]) is None
    assert (robust_z(-0.1, quiet) or 0) < -2
    assert abs(robust_z(0.02, quiet) or 0) < 1


def test_nine_of_ten_intervals_of_counted_things_hold_the_true_difference() -> None:
    """By simulation: users come by chance, 900 and 700 of them on the mean."""
    random, truth, held = np.random.default_rng(7), (900, 700), 0
    for old, new in random.poisson(truth, size=(2_000, 2)):
        low, high = of_counted((old, old), (new, new))
        held += low <= truth[1] - truth[0] <= high
    assert held / 2_000 == pytest.approx(0.9, abs=0.03)


def test_the_spread_of_amounts_is_that_of_the_amounts_themselves() -> None:
    """Sizes are coarse; what is told from them is compared with the amounts one by one."""
    random = np.random.default_rng(3)
    for spread in (0.2, 0.6, 1.2):
        amounts = [round(a) for a in random.lognormal(12, spread, 5_000)]
        sizes = Counter(size for amount in amounts if (size := size_of(amount)) is not None)
        exact = float(np.std(amounts) / np.mean(amounts))
        assert coefficient_of_variation(sizes) == pytest.approx(exact, rel=0.05)
    assert coefficient_of_variation({10: 29}) is None
    assert [size_of(amount) for amount in (None, 0, -5)] == [None, None, None]
