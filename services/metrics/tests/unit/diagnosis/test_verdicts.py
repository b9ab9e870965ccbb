"""Verdicts: what they may never say, whom they may never blame (oracles 26 to 28)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pytest
from diagnosis_example import AFTER, BEFORE, FALLS, FIGURES, QUIET_YEARS, asked, judged
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.diagnosis import Band, Figures, Owner, Rules, diagnose
from metrics.diagnosis.attribution import lmdi
from metrics.diagnosis.rules import CONTESTED, DEFAULT_OWNERS, JUDGED

FEW: Final = settings(max_examples=25, deadline=None)
"""For those that draw."""
positive = st.lists(st.floats(1e-3, 1e3), min_size=4, max_size=4)


# -- 26: what it may never say ------------------------------------------------


@FEW
@given(FIGURES, FIGURES)
def test_below_the_floors_no_department_is_named(before: Figures, after: Figures) -> None:
    found = judged(before, after)

    if Rules().floors.missing(before) or Rules().floors.missing(after):
        assert found.verdict == "insufficient_data"


@FEW
@given(FALLS)
def test_without_a_market_figure_the_market_is_never_to_blame(
    periods: tuple[Figures, Figures],
) -> None:
    before, after = periods
    found = judged(before, replace(after, market_minor=None))

    assert Owner.MARKET not in found.order
    assert found.scene.amounts[Owner.MARKET] == 0


@given(positive, positive, st.floats(0.01, 1.0))
def test_lowering_one_factor_never_enlarges_what_another_added(
    before: list[float], after: list[float], left: float
) -> None:
    old, new = np.array(before), np.array(after)
    lowered = new.copy()
    lowered[0] *= left
    plain = np.abs(lmdi(old, new) * (new - old))
    less = np.abs(lmdi(old, lowered) * (lowered - old))

    assert (less[1:] <= plain[1:] * (1 + 1e-9) + 1e-12).all()


# -- 27: who may never be blamed ----------------------------------------------


@FEW
@given(st.integers(1, 9))
def test_customers_who_only_grew_older_are_nobodys_fault(share: int) -> None:
    """Rates of each band are fixed; the base moves one band on."""
    young, old = (0.8, 0.7), (0.4, 0.5)
    moved = 1_000 * share
    before = replace(BEFORE, bands={"a": _band(20_000, *young), "b": _band(10_000, *old)})
    after = replace(
        BEFORE, bands={"a": _band(20_000 - moved, *young), "b": _band(10_000 + moved, *old)}
    )
    found = judged(before, after)

    assert found.verdict in {"insufficient_data", "no_material_change"}
    assert all(found.scene.amounts[owner] == pytest.approx(0, abs=1) for owner in JUDGED)


@FEW
@given(st.floats(1.2, 4.0))
def test_a_longer_queue_is_not_slower_selling(longer: float) -> None:
    queued = {
        name: replace(f, workable=round(f.workable * longer)) for name, f in BEFORE.funnels.items()
    }
    found = judged(BEFORE, replace(AFTER, funnels=queued, market_minor=BEFORE.market_minor))

    assert found.scene.owners["speed"] is found.scene.owners["capture"] is Owner.UNASSIGNED
    assert found.blame[Owner.SALES] == pytest.approx(0, abs=0.02)
    assert Owner.SALES not in found.order


@FEW
@given(FALLS)
def test_whoever_is_named_lost_most(periods: tuple[Figures, Figures]) -> None:
    found = judged(*periods)

    amounts = found.scene.amounts
    if found.order:
        assert amounts[found.order[0]] == min(amounts[owner] for owner in JUDGED) < 0


# -- 28: always the same ------------------------------------------------------


def test_the_same_request_gives_the_same_data() -> None:
    assert diagnose(asked()).data() == diagnose(asked()).data()


@FEW
@given(FALLS)
def test_the_mirrored_owner_map_mirrors_the_verdict(periods: tuple[Figures, Figures]) -> None:
    before, after = periods
    swap = {Owner.SALES: Owner.OPERATIONS, Owner.OPERATIONS: Owner.SALES}
    rules = Rules(
        owners={factor: swap.get(owner, owner) for factor, owner in DEFAULT_OWNERS.items()},
        contested={factor: swap[owner] for factor, owner in CONTESTED.items()},
    )
    plain, mirrored = judged(before, after), judged(before, after, rules=rules)

    mirror = {"sales": "operations", "operations": "sales"}
    assert mirrored.verdict == mirror.get(plain.verdict, plain.verdict)


def test_the_mirrored_example_is_the_fault_of_sales() -> None:
    swap = {Owner.SALES: Owner.OPERATIONS, Owner.OPERATIONS: Owner.SALES}
    owners = {factor: swap.get(owner, owner) for factor, owner in DEFAULT_OWNERS.items()}

    found = judged(BEFORE, AFTER, rules=Rules(owners=owners), history=QUIET_YEARS)

    assert found.verdict == "sales"


def _band(base: int, active: float, buying: float) -> Band:
    """Two orders a buyer, at 100."""
    buyers = round(base * active * buying)
    return Band(
        base=base,
        active=round(base * active),
        buyers=buyers,
        orders=2 * buyers,
        revenue_minor=20_000 * buyers,
    )
