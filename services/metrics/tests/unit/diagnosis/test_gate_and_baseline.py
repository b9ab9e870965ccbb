from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from diagnosis_example import AFTER, BEFORE, FIT, asked, factors, funnel, repeat, scene_of

from metrics.diagnosis import (
    Band,
    BaseFlows,
    BaselineKind,
    Figures,
    Funnel,
    GateFacts,
    Owner,
    PipelineFlows,
    Rules,
    Window,
    diagnose,
)
from metrics.diagnosis.baseline import alternative, baselines

SMALL = replace(BEFORE, funnels={"referral": funnel(20, 12, 5, 240)})
ENOUGH_DEALS = funnel(100, 60, 30, 300)
ENOUGH_BUYERS = repeat(200, 100, 40, 60, revenue=300)


@pytest.mark.parametrize(
    ("facts", "reason", "help_"),
    [
        (
            replace(FIT, watermark=FIT.period_end - timedelta(days=1)),
            "period_incomplete",
            "watermark",
        ),
        (replace(FIT, present=frozenset({"deal.won"})), "events_missing", "events"),
        (replace(FIT, restated_share=0.05), "restatement", "restatement"),
    ],
)
def test_data_that_are_not_fit_are_refused_with_what_would_help(
    facts: GateFacts, reason: str, help_: str
) -> None:
    diagnosis = diagnose(asked(gate=facts))

    assert (diagnosis.verdict, diagnosis.reason) == ("insufficient_data", reason)
    assert list(diagnosis.helps) == [help_]
    assert diagnosis.contributions == ()


def test_a_watermark_at_the_end_of_the_period_is_past_it() -> None:
    assert diagnose(asked(gate=replace(FIT, watermark=FIT.period_end))).verdict == "operations"


def window(**more: object) -> Window:
    return Window(grain="quarter", current=AFTER, **more)  # type: ignore[arg-type]


def test_thirteen_months_are_needed_for_last_year() -> None:
    kinds = [
        [
            one.kind
            for one in baselines(window(months_of_history=m, year_ago=BEFORE, previous=BEFORE))
        ]
        for m in (12, 13)
    ]

    assert kinds == [
        [BaselineKind.UNSEASONAL],
        [BaselineKind.YEAR_AGO, BaselineKind.UNSEASONAL],
    ]


def test_a_period_without_its_season_tests_no_verdict() -> None:
    best = window(months_of_history=24, year_ago=BEFORE, previous=BEFORE)
    seasonal = replace(best, seasonal_index=1.1)

    assert alternative(baselines(best)) is None
    other = alternative(baselines(seasonal))
    assert other is not None
    assert other.kind is BaselineKind.SEASONAL


def test_without_anything_to_compare_with_there_is_no_verdict() -> None:
    diagnosis = diagnose(asked(windows=[window()]))

    assert (diagnosis.verdict, diagnosis.reason) == ("insufficient_data", "no_baseline")


def test_a_season_moves_volume_and_no_rate() -> None:
    moved = replace(BEFORE, season=1.2)

    assert moved.revenue_minor == round(BEFORE.revenue_minor * 1.2)
    amounts = {f: a for f, a in factors(BEFORE, moved).items() if abs(a) > 1}
    assert amounts.keys() == {"capture", "frequency", "reactivation"}
    assert sum(amounts.values()) == pytest.approx(0.2 * BEFORE.revenue_minor)


def test_a_quarter_below_the_floors_is_widened_to_the_year() -> None:
    quarter = Window(grain="quarter", current=SMALL, months_of_history=24, year_ago=SMALL)
    year = Window(grain="year", current=AFTER, months_of_history=24, year_ago=BEFORE)

    wide = diagnose(asked(windows=[quarter, year], history=()))
    narrow = diagnose(asked(windows=[quarter]))

    assert (wide.grain, wide.delta) == ("year", -77_410_000)
    assert (narrow.grain, narrow.reason) == ("quarter", "below_floor")
    assert narrow.missing["decided"] == (12, 30)


def test_an_unseasonal_baseline_never_gives_high_confidence() -> None:
    fallen = replace(BEFORE, funnels={n: _unsold(f) for n, f in BEFORE.funnels.items()})
    sure = Window(grain="quarter", current=fallen, months_of_history=24, year_ago=BEFORE)
    unsure = Window(grain="quarter", current=fallen, previous=BEFORE)

    found = [diagnose(asked(windows=[one])) for one in (sure, unsure)]

    assert [one.verdict for one in found] == ["sales", "sales"]
    assert [one.confidence for one in found] == ["high", "medium"]


def test_an_unknown_market_never_gives_high_confidence() -> None:
    fallen = replace(BEFORE, funnels={n: _unsold(f) for n, f in BEFORE.funnels.items()})

    for market in (None, BEFORE.market_minor):
        provisional = market is not None
        after = replace(fallen, market_minor=market, market_provisional=provisional)
        diagnosis = diagnose(asked(after=after))
        assert (diagnosis.verdict, diagnosis.confidence) == ("sales", "medium")
        assert ("market.size_reported" in diagnosis.helps) is (market is None)


def _unsold(f: Funnel) -> Funnel:
    return replace(f, won=round(f.won * 0.3), amount_minor=round(f.amount_minor * 0.3))


# -- factors that split where the figures say more ----------------------------


def known(figures: Figures, **more: dict[str, int]) -> Figures:
    """With leads, opening deals and list values of each channel."""
    return replace(
        figures,
        funnels={
            name: replace(f, **{key: values[name] for key, values in more.items()})
            for name, f in figures.funnels.items()
        },
    )


def test_workable_deals_split_into_what_was_open_the_leads_and_their_qualification() -> None:
    opened = {"referral": 40, "search": 60, "social": 0}
    leads = {"referral": 320, "search": 480, "social": 120}
    plain = factors(BEFORE, AFTER)
    split = factors(*(known(side, opened=opened, leads=leads) for side in (BEFORE, AFTER)))

    parts = [split.pop(name) for name in ("opening", "leads", "lead_mix", "qualification")]
    assert sum(parts) == pytest.approx(plain.pop("capture"))
    assert all(parts)
    assert split == pytest.approx(plain, abs=1e-3)


def test_what_only_one_channel_tells_splits_nothing() -> None:
    told = replace(
        BEFORE,
        funnels={**BEFORE.funnels, "search": replace(BEFORE.funnels["search"], opened=9, leads=9)},
    )

    assert factors(told, AFTER) == factors(BEFORE, AFTER)


def test_worse_qualified_leads_are_the_work_of_sales() -> None:
    opened, leads = {"referral": 0, "search": 0}, {"referral": 400, "search": 600}
    fewer = replace(
        BEFORE,
        funnels={
            name: replace(
                f,
                workable=f.workable // 2,
                decided=f.decided // 2,
                won=f.won // 2,
                amount_minor=f.amount_minor // 2,
            )
            for name, f in BEFORE.funnels.items()
        },
    )
    diagnosis = diagnose(
        asked(*(known(side, opened=opened, leads=leads) for side in (BEFORE, fewer)))
    )

    assert diagnosis.verdict == "sales"
    assert diagnosis.factors[0].node == "market"
    lost = {one.node for one in diagnosis.factors if one.amount < -1}
    assert lost == {"qualification"}
    assert ("owners", "operations") in [(one.check, one.verdict) for one in diagnosis.flips_when]


def test_deal_value_splits_into_list_value_and_discount() -> None:
    lists = {"referral": 250_000_000, "search": 150_000_000, "social": 11_400_000}
    later = {"referral": 200_000_000, "search": 188_000_000, "social": 11_400_000}
    plain = factors(BEFORE, AFTER)
    split = factors(known(BEFORE, list_minor=lists), known(AFTER, list_minor=later))

    both = split["list_value"] + split["discount"]
    assert both == pytest.approx(plain["deal_value"], abs=1e-3)
    assert split["list_value"] > 1 > -1 > split["discount"]


# -- what was inherited -------------------------------------------------------

SHRUNK = replace(
    BEFORE,
    bands={
        "all": replace(
            BEFORE.bands["all"],
            base=600,
            active=384,
            buyers=252,
            orders=378,
            revenue_minor=226_800_000,
        )
    },
)


def test_an_inherited_loss_is_nobodys_until_its_flows_are_known() -> None:
    diagnosis = diagnose(asked(BEFORE, SHRUNK))

    assert (diagnosis.verdict, diagnosis.reason) == ("insufficient_data", "inherited_stock")
    assert set(diagnosis.helps) == {"base_flows", "pipeline_flows"}


def test_an_inherited_loss_is_judged_by_the_flows_that_made_it() -> None:
    before = replace(BEFORE, base_flows=BaseFlows(acquired=300, returned=50, lapsed=250))
    after = replace(SHRUNK, base_flows=BaseFlows(acquired=300, returned=50, lapsed=650))

    diagnosis = diagnose(asked(before, after))

    assert diagnosis.verdict == "operations"
    amounts = {one.node: one.amount for one in diagnosis.factors if abs(one.amount) > 1}
    assert amounts.keys() == {"base_lapsed"}
    assert amounts["base_lapsed"] == diagnosis.delta


def test_flows_of_the_opening_pipeline_sum_to_it() -> None:
    opened = [
        known(side, opened=dict.fromkeys(BEFORE.funnels, n))
        for side, n in ((BEFORE, 80), (BEFORE, 40))
    ]
    flows = [
        PipelineFlows(created=900, decided=800, aged=20),
        PipelineFlows(created=900, decided=800, aged=100),
    ]
    before, after = (
        replace(side, pipeline_flows=flow) for side, flow in zip(opened, flows, strict=True)
    )
    plain, expanded = factors(before, after), factors(before, after, expanded=True)

    assert expanded["opening_aged"] == pytest.approx(plain["opening"])
    assert expanded["opening_stock"] == expanded["opening_created"] == 0
    owners = scene_of(before, after, expanded=True).owners
    assert owners["opening_aged"] is Owner.SALES


def test_the_rules_decide_what_restatement_is_too_much() -> None:
    lenient = Rules(restated_below=0.2)

    assert diagnose(asked(gate=replace(FIT, restated_share=0.1), rules=lenient)).order


@pytest.mark.parametrize(
    ("floor", "deals", "buyers", "helps"),
    [
        ("decided", funnel(100, 29, 15, 300), ENOUGH_BUYERS, "29 < 30"),
        ("won", funnel(100, 60, 9, 300), ENOUGH_BUYERS, "9 < 10"),
        ("lost", funnel(100, 60, 51, 300), ENOUGH_BUYERS, "9 < 10"),
        ("base", ENOUGH_DEALS, repeat(99, 60, 40, 60, revenue=300), "99 < 100"),
        ("buyers", ENOUGH_DEALS, repeat(200, 100, 19, 60, revenue=300), "19 < 20"),
    ],
)
def test_each_floor_alone_refuses_and_says_what_there_is_and_should_be(
    floor: str, deals: Funnel, buyers: Band, helps: str
) -> None:
    few = replace(BEFORE, funnels={"referral": deals}, bands={"all": buyers})
    for before, after in ((few, AFTER), (BEFORE, few)):
        told = diagnose(asked(before, after))
        assert (told.verdict, told.reason) == ("insufficient_data", "below_floor")
        assert (told.helps, told.order, told.actions) == ({floor: helps}, (), ())
