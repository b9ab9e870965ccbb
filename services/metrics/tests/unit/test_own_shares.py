"""Own ratios: only a share of what is counted below the line has the interval of a share."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kpi_histories import History
from kpi_stories import NEW_YORK
from memory_shelf import folded

from metrics.definitions.declaring import declare
from metrics.definitions.vocabulary import VOCABULARY
from metrics.definitions.written import Written
from metrics.engine.kpi import Ratio
from metrics.facts import moments_of

WON, LOST = {"count": "deal.won"}, {"count": "deal.lost"}
OPEN, CREATED = {"count": "deal.open", "at": "start"}, {"count": "deal.created"}
CAPTURED = {"count": "lead.captured"}
WEB, BOTH = {"where": {"channel": ["web"]}}, {"where": {"channel": ["web", "fair"]}}


def ratio(above: list[Any], below: list[Any]) -> Ratio:
    said = {"name": {"en": "A KPI", "zh": "一个指标"}, "unit": "ratio", "better": "up"}
    written = Written.model_validate({**said, "numerator": above, "denominator": below})
    declared = declare("own", written, version=1)
    assert isinstance(declared, Ratio)
    return declared


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ([WON], [WON, LOST]),
        ([WON, LOST], [OPEN, CREATED]),
        ([{**WON, **WEB}], [WON, LOST]),
        ([{**WON, **WEB}], [{**WON, **BOTH}, LOST]),
        ([{**WON, "trailing_days": 90}], [{**x, "trailing_days": 90} for x in (WON, LOST)]),
        ([{"count": "lead.contacted"}], [CAPTURED]),
        ([{"count": "lead.converted_soon"}], [CAPTURED]),
        ([{"count": "lead.converted_soon", **WEB}], [{**CAPTURED, **WEB}]),
        ([{"sum": "run.defects"}], [{"sum": "run.opportunities"}]),
    ],
)
def test_a_part_over_its_whole_is_a_share(above: list[Any], below: list[Any]) -> None:
    assert ratio(above, below).rate


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ([WON], [LOST]),
        ([WON], [CREATED]),
        ([WON], [{"count": "deal.open"}, CREATED]),
        ([WON], [{**WON, **WEB}, LOST]),
        ([{**WON, **BOTH}], [{**WON, **WEB}, LOST]),
        ([WON], [{**WON, "trailing_days": 90}, LOST]),
        ([WON], [WON, {"minus": LOST}]),
        ([{"count": "order.paid"}], [CAPTURED]),
        ([CAPTURED], [{"count": "lead.contacted"}]),
        ([{"sum": "run.defects"}], [{"sum": "run.units"}]),
        ([WON, {"minus": LOST}], [CREATED]),
    ],
)
def test_one_thing_over_another_is_none(above: list[Any], below: list[Any]) -> None:
    found = ratio(above, below)
    assert (found.rate, found.balance) == (False, False)


def test_things_for_and_against_out_of_one_whole_are_a_balance() -> None:
    assert ratio([WON, {"minus": LOST}], [WON, LOST]).balance


@settings(max_examples=15)
@given(seed=st.integers(0, 2**40))
def test_what_is_said_to_be_part_of_another_kind_is_never_more_than_it(seed: int) -> None:
    """On every day and for every cut. Deals come out of a level, not out of one day; pieces are
    what partners say they are.
    """
    shelf = folded([History(seed, facts=60).events], NEW_YORK)
    told: Counter[Any] = Counter()
    for ref, fact in shelf.states().items():
        for moment in moments_of(ref.kind, fact.state, NEW_YORK):
            told[moment.kind, moment.day, moment.cut] += 1
    for (kind, day, cut), number in told.items():
        word = VOCABULARY.get(kind.name)
        if word is not None and len(word.part_of) == 1 and word.amount != "pieces":
            assert number <= told[word.part_of[0], day, cut], (kind, day)
