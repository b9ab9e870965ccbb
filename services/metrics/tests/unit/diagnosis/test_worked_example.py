"""The worked example of the specification comes out to the printed digit."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from diagnosis_example import (
    AFTER,
    BEFORE,
    LABELS,
    THOUSAND,
    asked,
    funnel,
    judged,
)

from metrics.diagnosis import Figures, Language, Owner, diagnose, sentence
from metrics.diagnosis.attribution import Method, lmdi, shapley
from metrics.diagnosis.contributions import by_factor, contributions
from metrics.diagnosis.sample import observed

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


def thousands(method: Method) -> dict[str, float]:
    parts = contributions(observed(BEFORE), observed(AFTER), method=method)
    return {factor: float(amount) / THOUSAND for factor, amount in by_factor(parts).items()}


def test_contributions_are_the_printed_ones_by_both_methods() -> None:
    exact, by_shapley = thousands(lmdi), thousands(shapley)

    for factor, (printed, printed_shapley) in PRINTED.items():
        assert round(exact[factor], 1) == printed, factor
        assert round(by_shapley[factor], 1) == printed_shapley, factor
    assert sum(exact.values()) == pytest.approx(-774.1, rel=1e-9)


def test_operations_are_named_and_it_is_said_how_surely() -> None:
    diagnosis = diagnose(asked())

    assert (diagnosis.verdict, diagnosis.reason) == ("operations", "")
    assert diagnosis.delta == -77_410_000
    assert diagnosis.relative == pytest.approx(-0.0986, abs=5e-5)
    classes = {total.owner: total for total in diagnosis.classes}
    assert {o: round(t.blame, 2) for o, t in classes.items() if t.blame} == {
        Owner.OPERATIONS: 0.73,
        Owner.MARKET: 0.27,
    }
    assert diagnosis.probability == pytest.approx(0.80, abs=0.03)
    intervals = {o: (t.low / THOUSAND, t.high / THOUSAND) for o, t in classes.items()}
    assert intervals[Owner.OPERATIONS] == pytest.approx((-1_447, -83), abs=45)
    assert intervals[Owner.SALES] == pytest.approx((-910, 1_171), abs=60)
    assert intervals[Owner.MARKET] == pytest.approx((-317, -269), abs=6)


def test_it_flips_to_mixed_above_an_elasticity_of_1_11_and_is_of_medium_confidence() -> None:
    diagnosis = diagnose(asked())

    [flip] = diagnosis.flips_when
    assert (flip.check, flip.verdict, flip.below) == ("elasticity", "mixed", None)
    assert flip.above == pytest.approx(1.108, abs=0.005)
    assert diagnosis.confidence == "medium"


def test_the_chinese_sentence_is_the_printed_one() -> None:
    text = sentence(diagnose(asked()), Language.ZH, labels=LABELS)

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
    small = {"referral": funnel(20, 12, 5, 240), "search": funnel(30, 18, 3, 144)}

    verdict = judged(replace(BEFORE, funnels=small), replace(BEFORE, funnels=small))

    assert (verdict.verdict, verdict.reason) == ("insufficient_data", "below_floor")
    assert verdict.missing["won"] == (8, 10)


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
    assert rate + mix == pytest.approx(AFTER.won / AFTER.decided - BEFORE.won / BEFORE.decided)
    assert thousands(lmdi)["win_rate"] > 0 > thousands(lmdi)["mix"]


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
