"""The worked example of the diagnosis, and random figures for the identities."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from hypothesis import strategies as st

from metrics.diagnosis import DiagnosisInput, GateFacts, Window
from metrics.diagnosis.figures import Band, Figures, Funnel
from metrics.diagnosis.gate import NEEDED
from metrics.diagnosis.rules import Rules
from metrics.diagnosis.scene import Scene, compared
from metrics.diagnosis.verdict import Case, Judgement, judge

THOUSAND: Final = 100_000
"""A thousand yuan, in minor units: the unit of the example."""
QUIET_YEARS: Final = (0.0, 0.01, 0.02, 0.03, 0.04, 0.02, 0.03, 0.01)
"""The example says of its history only that this fall stands out of it."""


def funnel(workable: int, decided: int, won: int, amount: int, **more: Any) -> Funnel:
    minor = amount * THOUSAND
    return Funnel(workable=workable, decided=decided, won=won, amount_minor=minor, **more)


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
FIT: Final = GateFacts(
    period_end=datetime(2017, 4, 1, tzinfo=UTC),
    watermark=datetime(2017, 4, 2, tzinfo=UTC),
    present=NEEDED,
    restated_share=0.01,
)


def asked(before: Figures = BEFORE, after: Figures = AFTER, **more: Any) -> DiagnosisInput:
    """A request of this year's quarter against last year's."""
    window = Window(grain="quarter", current=after, months_of_history=24, year_ago=before)
    given: dict[str, Any] = {
        "tenant": "example",
        "scope": "",
        "period": "2017-Q1",
        "currency": "CNY",
        "gate": FIT,
        "windows": [window],
        "history": QUIET_YEARS,
        "catalogue_version": "1",
        "as_of": datetime(2017, 4, 3, tzinfo=UTC),
    }
    return DiagnosisInput(**given | more)


def judged(
    before: Figures = BEFORE,
    after: Figures = AFTER,
    *,
    rules: Rules | None = None,
    history: Sequence[float] = QUIET_YEARS,
) -> Judgement:
    rules = rules or Rules()
    comparison = compared(before, after, rules=rules, seed=1)
    return judge(Case(before=before, after=after, comparison=comparison, history=history), rules)


def scene_of(before: Figures, after: Figures, *, expanded: bool = False) -> Scene:
    """With two draws only: for what is exact."""
    rules = Rules(draws=2)
    return compared(before, after, rules=rules, seed=1).scene(rules, expanded=expanded)


def factors(before: Figures, after: Figures, *, expanded: bool = False) -> dict[str, float]:
    """Exact contributions by factor, in minor units."""
    totals: dict[str, float] = {}
    for cell in scene_of(before, after, expanded=expanded).cells:
        totals[cell.factor] = totals.get(cell.factor, 0.0) + cell.exact
    return totals


# -- random figures -----------------------------------------------------------


@st.composite
def funnels(draw: st.DrawFn) -> Funnel:
    workable = draw(st.integers(0, 5_000))
    decided = draw(st.integers(0, workable))
    won = draw(st.integers(0, decided))
    amount = draw(st.integers(1, 10_000)) * won
    return Funnel(workable=workable, decided=decided, won=won, amount_minor=amount)


@st.composite
def bands(draw: st.DrawFn) -> Band:
    base = draw(st.integers(0, 5_000))
    active = draw(st.integers(0, base))
    buyers = draw(st.integers(0, active))
    orders = buyers + (draw(st.integers(0, 9_000)) if buyers else 0)
    revenue = draw(st.integers(1, 10_000)) * orders
    return Band(base=base, active=active, buyers=buyers, orders=orders, revenue_minor=revenue)


FIGURES: Final = st.builds(
    Figures,
    market_minor=st.integers(1, 10**12),
    funnels=st.dictionaries(st.sampled_from("abcd"), funnels(), max_size=4),
    bands=st.dictionaries(st.sampled_from("xyz"), bands(), max_size=3),
    reactivated_minor=st.integers(0, 10**7),
    same_period_minor=st.integers(0, 10**7),
    refunds_minor=st.integers(0, 10**7),
)
"""Any period: slices that are missing, empty, or never won anything included."""


@st.composite
def _falls(draw: st.DrawFn) -> tuple[Figures, Figures]:
    left = st.sampled_from([0.6, 0.8, *[1.0] * 9, 1.1])

    def channel(f: Funnel) -> Funnel:
        workable = round(f.workable * draw(left))
        decided = round(workable * f.decided / f.workable * draw(left))
        won = round(decided * f.won / f.decided * draw(left))
        amount = round(won * f.amount_minor / f.won * draw(left))
        return Funnel(workable=workable, decided=decided, won=won, amount_minor=amount)

    def band(b: Band) -> Band:
        active = round(b.active * draw(left))
        buyers = round(active * b.buyers / b.active * draw(left))
        orders = round(buyers * b.orders / b.buyers)
        revenue = round(orders * b.revenue_minor / b.orders * draw(left))
        return Band(base=b.base, active=active, buyers=buyers, orders=orders, revenue_minor=revenue)

    before = Figures(
        market_minor=10**10,
        funnels={
            "a": funnel(2_000, 1_200, 480, 24_000),
            "b": funnel(3_000, 1_800, 400, 16_000),
            "c": funnel(1_000, 600, 120, 6_000),
        },
        bands={"x": repeat(10_000, 6_400, 4_200, 6_300, revenue=37_800)},
    )
    after = Figures(
        market_minor=round(10**10 * draw(left)),
        funnels={name: channel(f) for name, f in before.funnels.items()},
        bands={name: band(b) for name, b in before.bands.items()},
    )
    return before, after


FALLS: Final = _falls()
"""Two periods with enough facts for a verdict; mostly somebody is to blame."""
