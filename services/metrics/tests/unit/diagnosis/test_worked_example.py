"""The worked example of the specification comes out to the printed digit."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Final, NamedTuple

import pytest
from diagnosis_example import (
    AFTER,
    BEFORE,
    THOUSAND,
    asked,
    funnel,
    judged,
)

from metrics.diagnosis import BaselineKind, Figures, Language, Owner, diagnose, sentence
from metrics.diagnosis.attribution import Method, lmdi, shapley
from metrics.diagnosis.contributions import by_factor, contributions
from metrics.diagnosis.sample import observed


class Row(NamedTuple):
    """A line of the printed table, in thousands."""

    owner: Owner
    contribution: float
    interval: tuple[float, float]
    by_shapley: float


PRINTED: Final = {
    "market": Row(Owner.MARKET, -291.4, (-317, -269), -296.7),
    "capture": Row(Owner.OPERATIONS, 549.6, (189, 932), 569.9),
    "mix": Row(Owner.OPERATIONS, -878.1, (-1_214, -538), -896.2),
    "speed": Row(Owner.SALES, 0.0, (-346, 338), 0.0),
    "win_rate": Row(Owner.SALES, 128.1, (-651, 908), 131.1),
    "deal_value": Row(Owner.SALES, 0.0, (-570, 587), 0.0),
    "base": Row(Owner.INHERITED, 174.4, (163, 186), 174.7),
    "activity": Row(Owner.OPERATIONS, -351.8, (-561, -146), -352.0),
    "buying": Row(Owner.OPERATIONS, -199.1, (-450, 53), -199.3),
    "frequency": Row(Owner.OPERATIONS, 88.7, (-119, 295), 88.9),
    "basket": Row(Owner.OPERATIONS, 29.7, (-243, 306), 29.7),
    "reactivation": Row(Owner.OPERATIONS, -24.0, (-24, -24), -24.0),
}
CLASSES: Final = {
    Owner.OPERATIONS: (-785.1, (-1_447, -83)),
    Owner.MARKET: (-291.4, (-317, -269)),
    Owner.SALES: (128.1, (-910, 1_171)),
    Owner.INHERITED: (174.4, (163, 186)),
}
"""Department to its total and its interval."""
RECOVERABLE: Final = {
    "mix": 878.1,
    "activity": 351.8,
    "buying": 199.1,
    "reactivation": 24.0,
    "market": 291.4,
}
"""What each action could bring back: the losses of the table, the named department's first."""
MONTE_CARLO: Final = 0.115
"""Four standard errors of the end of a 90 % interval by 4,000 draws, ours less the printed one:
4 x sqrt(2) x sqrt(0.05 x 0.95 / 4,000) / 0.1031 sigma, in half-widths of 1.645 sigma.
"""


def thousands(method: Method) -> dict[str, float]:
    parts = contributions(observed(BEFORE), observed(AFTER), method=method)
    return {factor: float(amount) / THOUSAND for factor, amount in by_factor(parts).items()}


def test_contributions_are_the_printed_ones_by_both_methods() -> None:
    exact, by_shapley = thousands(lmdi), thousands(shapley)

    for factor, row in PRINTED.items():
        assert round(exact.pop(factor), 1) == row.contribution, factor
        assert round(by_shapley.pop(factor), 1) == row.by_shapley, factor
    assert not any(exact.values()), "nothing lies beside the table"
    assert not any(by_shapley.values())
    assert sum(thousands(lmdi).values()) == pytest.approx(-774.1, rel=1e-9)
    assert sum(thousands(shapley).values()) == pytest.approx(-774.1, rel=1e-9)


def test_the_periods_are_the_printed_ones() -> None:
    diagnosis = diagnose(asked())

    assert diagnosis.baseline is not None
    assert (diagnosis.baseline.kind, diagnosis.residual) == (BaselineKind.YEAR_AGO, 0)
    assert (diagnosis.baseline.amount, diagnosis.current) == (785_000_000, 707_590_000)
    assert diagnosis.delta == -77_410_000
    assert diagnosis.relative is not None
    assert round(100 * diagnosis.relative, 2) == -9.86


def test_every_factor_has_its_printed_owner_and_interval() -> None:
    factors = {total.node: total for total in diagnose(asked()).factors}

    for factor, row in PRINTED.items():
        total = factors[factor]
        assert (total.owner, round(total.amount / THOUSAND, 1)) == (row.owner, row.contribution)
        assert (total.low / THOUSAND, total.high / THOUSAND) == nearly(row.interval), factor


def test_every_department_has_its_printed_total_and_interval() -> None:
    classes = {total.owner: total for total in diagnose(asked()).classes}

    for owner, (amount, interval) in CLASSES.items():
        total = classes.pop(owner)
        assert round(total.amount / THOUSAND, 1) == amount, owner
        assert (total.low / THOUSAND, total.high / THOUSAND) == nearly(interval), owner
    assert not any(total.amount for total in classes.values())


def test_the_interval_of_sales_by_first_order_variances_is_the_printed_one() -> None:
    """Delta method, as an oracle of the draws: the sum of L^2 Var over channels and periods is
    1,023 to either side, where draws give 1,040. Written without the diagnosis.
    """
    variance = 0.0
    for name in BEFORE.funnels.keys() & AFTER.funnels.keys():
        old, new = BEFORE.funnels[name], AFTER.funnels[name]
        amounts = old.amount_minor / THOUSAND, new.amount_minor / THOUSAND
        if amounts[0] == amounts[1]:
            weight = amounts[0]
        else:
            weight = (amounts[1] - amounts[0]) / math.log(amounts[1] / amounts[0])
        for side in (old, new):
            decided = (1 - side.decided / side.workable) / side.decided
            won = (1 - side.won / side.decided) / side.won
            variance += weight**2 * (decided + won + side.amount_cv**2 / side.won)

    assert round(1.645 * math.sqrt(variance)) == 1_023


def test_each_action_carries_what_its_factor_lost() -> None:
    actions = diagnose(asked()).actions

    recoverable = {one.factor: round(one.recoverable / THOUSAND, 1) for one in actions}
    assert list(recoverable.items()) == list(RECOVERABLE.items())


def test_the_mix_is_the_printed_one_in_every_channel() -> None:
    parts = contributions(observed(BEFORE), observed(AFTER))
    mix = {p.slice: round(float(p.amount) / THOUSAND, 1) for p in parts if p.factor == "mix"}

    assert mix == {"referral": -1_195.2, "search": 203.1, "social": 114.0}


def test_operations_are_named_and_it_is_said_how_surely() -> None:
    diagnosis = diagnose(asked())

    assert (diagnosis.verdict, diagnosis.reason) == ("operations", "")
    classes = {total.owner: total for total in diagnosis.classes}
    assert {o: round(t.blame, 2) for o, t in classes.items() if t.blame} == {
        Owner.OPERATIONS: 0.73,
        Owner.MARKET: 0.27,
    }
    assert diagnosis.probability == pytest.approx(0.80, abs=0.03)


def test_it_flips_to_mixed_above_an_elasticity_of_1_11_and_is_of_medium_confidence() -> None:
    diagnosis = diagnose(asked())

    [flip] = diagnosis.flips_when
    assert (flip.check, flip.verdict, flip.below) == ("elasticity", "mixed", None)
    assert flip.above is not None
    assert round(flip.above, 2) == 1.11
    assert diagnosis.confidence == "medium"


def test_the_chinese_sentence_is_the_printed_one() -> None:
    text = sentence(diagnose(asked()), Language.ZH)

    assert text == (
        "销售额同比下降 9.9%（−77.4 万）。"
        "主因在运营：渠道结构 −87.8 万、活跃度 −35.2 万；市场 −29.1 万；销售 +12.8 万（不显著）。"
        "建议先恢复转介绍渠道，再做内容与活动召回；不建议以销售培训为先。置信度：中。"
    )


def test_a_new_channel_lands_wholly_in_mix() -> None:
    parts = contributions(observed(BEFORE), observed(AFTER))
    social = {part.factor: float(part.amount) for part in parts if part.slice == "social"}

    assert social.pop("mix") == 114 * THOUSAND
    assert set(social.values()) == {0.0}


def test_two_thirds_of_the_fall_sit_in_the_referral_share() -> None:
    [tree] = diagnose(asked()).drill

    [element] = tree.elements
    assert (element.factor, element.slice) == ("mix", ("referral",))
    assert element.amount_minor / THOUSAND == pytest.approx(-1_195.2, abs=0.05)


def test_a_tenth_of_the_volume_is_too_little_to_name_anybody() -> None:
    before = {"referral": funnel(20, 12, 5, 240), "search": funnel(30, 18, 3, 144)}
    after = {
        "referral": funnel(12, 7, 3, 150),
        "search": funnel(38, 23, 5, 188),
        "social": funnel(6, 3, 0, 0),
    }

    verdict = judged(replace(BEFORE, funnels=before), replace(AFTER, funnels=after))

    assert (verdict.verdict, verdict.reason) == ("insufficient_data", "below_floor")
    assert verdict.missing["won"] == (8, 10)
    assert verdict.order == ()


def test_five_times_the_volume_makes_it_all_but_certain() -> None:
    assert judged(times(BEFORE, 5), times(AFTER, 5)).probability == pytest.approx(0.99, abs=0.01)


def test_more_was_won_within_every_channel_though_less_in_all() -> None:
    """Kitagawa: of the win rate's fall from 28.0 % to 24.2 %, +0.91 points are rates and
    -4.67 points are mix. Written without the diagnosis, as an oracle of what it claims.
    """
    names = BEFORE.funnels.keys() | AFTER.funnels.keys()
    rate = mix = 0.0
    for name in names:
        old, new = (side.funnels.get(name) for side in (BEFORE, AFTER))
        shares = [
            f.decided / side.decided if f else 0.0 for f, side in ((old, BEFORE), (new, AFTER))
        ]
        rates = [f.won / f.decided for f in (old, new) if f]
        rate += (rates[-1] - rates[0]) * sum(shares) / 2
        mix += (shares[1] - shares[0]) * sum(rates) / len(rates)

    assert (round(100 * rate, 2), round(100 * mix, 2)) == (0.91, -4.67)
    whole = [100 * side.won / side.decided for side in (BEFORE, AFTER)]
    assert [round(share, 1) for share in whole] == [28.0, 24.2]
    assert rate + mix == pytest.approx(AFTER.won / AFTER.decided - BEFORE.won / BEFORE.decided)
    assert thousands(lmdi)["win_rate"] > 0 > thousands(lmdi)["mix"]


def nearly(interval: tuple[float, float]) -> Any:
    """An interval up to what 4,000 other draws may differ by, and its rounding."""
    low, high = interval
    return pytest.approx(interval, abs=MONTE_CARLO * (high - low) / 2 + 0.5)


def times(figures: Figures, factor: int) -> Figures:
    return replace(
        figures,
        funnels={
            name: replace(
                f,
                workable=f.workable * factor,
                decided=f.decided * factor,
                won=f.won * factor,
                amount_minor=f.amount_minor * factor,
            )
            for name, f in figures.funnels.items()
        },
        bands={
            name: replace(
                b,
                base=b.base * factor,
                active=b.active * factor,
                buyers=b.buyers * factor,
                orders=b.orders * factor,
                revenue_minor=b.revenue_minor * factor,
            )
            for name, b in figures.bands.items()
        },
        reactivated_minor=figures.reactivated_minor * factor,
    )
