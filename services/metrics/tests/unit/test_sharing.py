"""Splitting, cutting and cells: the group laws that everything rests on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_shelf import cells_of

from metrics.engine.cell import Layout
from metrics.engine.dimension import NOWHERE, PerOwner, cut_of, split
from metrics.engine.measure import Aspect, Measure
from metrics.engine.moment import Moment, MomentKind, difference
from metrics.engine.slicing import Shares
from metrics.kpis import CATALOGUE

WEIGHTS = st.lists(st.integers(0, 10_000), min_size=1, max_size=6)
AMOUNTS = st.integers(-(10**15), 10**15)
SOLD = MomentKind(name="sold", cube="sold", dimensions=("owner", "team"))
GOAL = MomentKind(name="goal", cube="goal", dimensions=("team",), scoped=True)


@given(AMOUNTS, WEIGHTS)
def test_parts_sum_to_the_whole_and_miss_their_share_by_less_than_one(
    amount: int, weights: list[int]
) -> None:
    parts = split(amount, weights)
    assert sum(parts) == amount
    total = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        if total:
            assert abs(part * total - amount * weight) < total


@given(AMOUNTS, WEIGHTS)
def test_what_was_given_is_taken_back_exactly(amount: int, weights: list[int]) -> None:
    assert split(-amount, weights) == [-part for part in split(amount, weights)]


def test_a_unit_goes_to_the_largest_remainder_and_of_equals_to_the_first() -> None:
    assert split(100, [3_333, 3_333, 3_334]) == [33, 33, 34]
    assert split(1, [5_000, 5_000]) == [1, 0]
    assert split(7, [0, 0]) == [4, 3]


def test_a_target_of_one_team_says_nothing_about_the_company() -> None:
    for cut, slice_ in ((cut_of(team="north"), (2, "north")), (NOWHERE, (0, ""))):
        cells = cells_of([(Moment(GOAL, 0, cut), 1)], layout=GOALS)
        assert [(dimension, member) for (_, dimension, _, member, _), _ in cells] == [slice_]


def test_an_unknown_dimension_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="no such dimension: colour"):
        cut_of(colour="red")


def moments() -> st.SearchStrategy[Moment]:
    owners = st.sampled_from(["ann", (("ann", 2_500), ("bob", 7_500))])
    teams = st.sampled_from(["north", "south"])
    cuts = st.builds(lambda o, t: cut_of(owner=o, team=t), owners, teams)
    amounts = st.none() | AMOUNTS
    return st.builds(Moment, st.just(SOLD), st.integers(0, 3), cuts, st.just(1), amounts)


LAYOUT = Layout(Measure(kind=SOLD, aspect=aspect) for aspect in Aspect)
GOALS = Layout([Measure(kind=GOAL, aspect=Aspect.COUNT)])


@given(st.lists(moments(), max_size=6), st.lists(moments(), max_size=6))
def test_differences_lead_from_what_was_said_to_what_is_said(
    old: list[Moment], new: list[Moment]
) -> None:
    removed, added = difference(old, new)
    along = [(moment, 1) for moment in [*old, *added]] + [(moment, -1) for moment in removed]
    straight = [(moment, 1) for moment in new]
    assert sorted(cells_of(along, layout=LAYOUT)) == sorted(cells_of(straight, layout=LAYOUT))


@given(moments(), AMOUNTS)
def test_single_facts_are_cut_as_the_cells_are(moment: Moment, amount: int) -> None:
    for by in (["owner"], ["team"], ["team", "owner"]):
        parts = dict(Shares(by=by, filters={}).of(amount, moment))
        assert sum(parts.values()) == amount
        for members, part in parts.items():
            only = {name: [member] for name, member in zip(by, members, strict=True)}
            assert list(Shares(by=[], filters=only).of(amount, moment)) == [((), part)]


@given(AMOUNTS, st.lists(st.sampled_from(["north", "south"]), min_size=2, max_size=3))
def test_an_owners_part_falls_to_his_own_team_however_it_is_asked_for(
    amount: int, teams: list[str]
) -> None:
    owners = tuple(zip(("ann", "bob", "cid"), (5_000, 3_333, 1_667), strict=True))[: len(teams)]
    aligned = PerOwner(zip(teams, (weight for _, weight in owners), strict=True))
    moment = Moment(SOLD, 0, cut_of(owner=owners, team=aligned))
    by_owner = dict(Shares(by=["owner"], filters={}).of(amount, moment))
    both = dict(Shares(by=["team", "owner"], filters={}).of(amount, moment))
    assert both == {
        (team, owner): by_owner[owner,] for team, (owner, _) in zip(teams, owners, strict=True)
    }
    for team in set(teams):
        of_team = sum(part for (its, _), part in both.items() if its == team)
        told = Shares(by=["team"], filters={"team": [team]}).of(amount, moment)
        assert sum(part for _, part in told) == of_team


def test_a_target_counts_only_for_exactly_its_scope() -> None:
    goal = Moment(GOAL, 0, cut_of(team="north"))
    assert list(Shares(by=["team"], filters={}).of(7, goal)) == [(("north",), 7)]
    assert list(Shares(by=[], filters={}).of(7, goal)) == []
    assert list(Shares(by=["team", "owner"], filters={}).of(7, goal)) == []


def test_every_measure_has_one_place_of_its_own() -> None:
    places = [(a.cube, a.place) for a in CATALOGUE.layout.addresses.values()]
    assert len(set(places)) == len(places)
    assert max(place for _, place in places) < 8
