"""Values against targets are what brute force over plain events gives, for any KPI."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import chain, combinations
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kpi_histories import BASE, History, plain
from kpi_oracles import Ask, Books, expected
from kpi_oracles.targets import Scope, measured_against, targets_of
from memory_shelf import MemoryShelf, folded, readings

from metrics.engine.calendar import Grain
from metrics.engine.company import Company, date_of, micros_of
from metrics.engine.reading import rows_of
from metrics.engine.row import Row
from metrics.engine.sums import Known
from metrics.kpis import CATALOGUE
from metrics.query.question import Asked, Question, read_question
from metrics.query.targets import AgainstTarget, targets_among

ZONE = "America/New_York"
NEW_YORK = Company(time_zone=ZONE, base_currency=BASE)
ADDING_UP = ("revenue_net", "operating_cost", "time_saved")
LOWER_IS_BETTER = ("operating_cost", "cac")
OF_MONEY = ("revenue_net", "operating_cost", "pipeline_open", "cac")
MONTHS = {"month": 1, "quarter": 3, "year": 12}
MAKERS = ("deal", "order", "cost", "process_run", "baseline", "target", "target", "target")


@pytest.mark.parametrize("kpi", ["revenue_net", "operating_cost", "win_rate", "pipeline_open",
                                 "cac", "time_saved"])  # fmt: skip
@settings(max_examples=8)
@given(seed=st.integers(0, 2**40))
def test_every_row_stands_beside_its_target(kpi: str, seed: int) -> None:
    rnd = random.Random(seed)
    history = History(seed, facts=40, zone=ZONE, of=MAKERS)
    shelf = folded([history.events], NEW_YORK)
    books = Books(plain(history.events), ZoneInfo(ZONE), BASE)
    now = datetime(2024, 3, 5, 17, tzinfo=UTC) + timedelta(days=rnd.choice([0, 11, 40, 70, 500]))
    known = Known(NEW_YORK, micros_of(now), complete=True)
    grain = rnd.choice([grain for grain in CATALOGUE[kpi].grains if grain.value in MONTHS])
    for by in (None, *({"owner", "team", "product"} & set(CATALOGUE[kpi].dimensions))):
        asked = question(kpi, grain, *([by] if by else []))
        targets = targets_among(asked, known, states(shelf))
        for row in rows_over(shelf, asked, known):
            where = (by, row.members[0]) if by else (None, None)
            ask = Ask(date_of(row.period.start), date_of(row.period.end), where, now)
            wanted = brute_force(kpi, books, ask, row)
            assert rounded(told(targets.against(row))) == rounded(wanted), (kpi, ask)


@pytest.mark.parametrize("kpi", ["revenue_net", "pipeline_open"])
@settings(max_examples=6)
@given(seed=st.integers(0, 2**40))
def test_a_pair_of_members_has_a_target_of_its_own(kpi: str, seed: int) -> None:
    rnd = random.Random(seed)
    history = History(seed, facts=40, zone=ZONE, of=MAKERS)
    shelf = folded([history.events], NEW_YORK)
    books = Books(plain(history.events), ZoneInfo(ZONE), BASE)
    now = datetime(2024, 3, 5, 17, tzinfo=UTC) + timedelta(days=rnd.choice([0, 40, 500]))
    known = Known(NEW_YORK, micros_of(now), complete=True)
    grain = rnd.choice([grain for grain in CATALOGUE[kpi].grains if grain.value in MONTHS])
    for pair in combinations(("owner", "product", "team"), 2):
        asked = question(kpi, grain, *rnd.sample(pair, 2))
        targets = targets_among(asked, known, states(shelf))
        for row in rows_over(shelf, asked, known):
            span = date_of(row.period.start), date_of(row.period.end)
            goal = _goal(kpi, books, Ask(*span, (None, None), now), where=scope_of(asked, row))
            found = targets.against(row)
            reached = row.value / goal if goal and row.value is not None else None
            assert (found.target, found.attainment) == (goal, reached)


@settings(max_examples=8)
@given(seed=st.integers(0, 2**40))
def test_attainment_of_a_pair_is_its_revenue_over_its_target(seed: int) -> None:
    history = History(seed, facts=40, zone=ZONE, of=("deal", "order", *["target"] * 4))
    shelf = folded([history.events], NEW_YORK)
    books = Books(plain(history.events), ZoneInfo(ZONE), BASE)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    known = Known(NEW_YORK, micros_of(now), complete=True)
    goals = [goal for of, goal in books.sorted_out(targets_of) if of == "revenue_net"]
    pair = ("team", "product")
    booked = {
        (row.period, row.members): row.value
        for row in rows_over(shelf, question("revenue_net", Grain.MONTH, *pair), known)
    }
    asked = question("revenue_attainment", Grain.MONTH, *pair)
    for row in rows_over(shelf, asked, known):
        ask = Ask(date_of(row.period.start), date_of(row.period.end), (None, None), now)
        goal = measured_against(goals, books, ask, where=scope_of(asked, row))
        revenue = booked.get((row.period, row.members)) or 0
        assert (row.denominator, row.value) == (goal, revenue / goal if goal else None)


def rows_over(shelf: MemoryShelf, asked: Question, known: Known) -> Iterable[Row]:
    sums = next(readings(shelf, asked, known))
    return rows_of(asked.kpi, sums, by=asked.by, filtered=(), known=known)


def scope_of(asked: Question, row: Row) -> Scope:
    return tuple(chain(*sorted(zip(asked.by, row.members, strict=True))))


def question(kpi: str, grain: Grain, *by: str) -> Question:
    asked = Asked(grain=grain, start=date(2024, 1, 1), end=date(2025, 1, 1), by=by)
    return read_question(kpi, asked, catalogue=CATALOGUE, company=NEW_YORK, today=0)


def states(shelf: MemoryShelf) -> list[tuple[str, Any]]:
    return [(ref.key, fact.state) for ref, fact in shelf.states().items() if ref.kind == "target"]


def told(one: AgainstTarget) -> tuple[Any, ...]:
    return one.target, one.to_date, one.attainment, one.pace, one.run_rate, one.on_track


def rounded(values: tuple[Any, ...]) -> list[Any]:
    """Without the last digits: brute force divides once, the product in steps."""
    return [float(f"{value:.12g}") if isinstance(value, float) else value for value in values]


def brute_force(kpi: str, books: Books, ask: Ask, row: Row) -> tuple[Any, ...]:
    goal = _goal(kpi, books, ask)
    if goal is None:
        return (None,) * 6
    adds_up = kpi in ADDING_UP
    days = [ask.start + timedelta(days=n) for n in range((ask.end - ask.start).days)]
    working = [day for day in days if day.weekday() < 5]
    today = books.local(ask.now)
    gone = Fraction(len([day for day in working if day <= today]), len(working))
    is_running = ask.start <= today < ask.end - timedelta(days=1)
    due = int(goal * gone) if adds_up and is_running else goal
    scale = 1 if kpi in OF_MONEY else 10_000
    target, to_date = Fraction(goal, scale), Fraction(due, scale)
    value = expected(kpi, books, ask).value
    assert row.value == (None if value is None else float(value))
    if value is None:
        return float(target), float(to_date), None, None, None, None
    run_rate: Fraction | None = Fraction(value)
    if (adds_up and today < ask.start) or (adds_up and is_running and not gone):
        run_rate = None
    elif adds_up and is_running:
        run_rate = Fraction(value) / gone
        run_rate = Fraction(round(run_rate)) if kpi in OF_MONEY else run_rate
    on_track = None
    if run_rate is not None and kpi != "pipeline_open":
        on_track = run_rate <= target if kpi in LOWER_IS_BETTER else run_rate >= target
    return (
        float(target),
        float(to_date),
        float(value) / float(target) if target else None,
        float(value) / float(to_date) if to_date else None,
        None if run_rate is None else float(run_rate),
        on_track,
    )


def _goal(kpi: str, books: Books, ask: Ask, where: Scope | None = None) -> int | None:
    """The whole goal of exactly this period and scope; what adds up may be set by its parts."""
    scope = where or ask.where
    set_for = [g for of, g in books.sorted_out(targets_of) if of == kpi and g.where == scope]
    months = (ask.end.year - ask.start.year) * 12 + ask.end.month - ask.start.month
    for length in (12, 3, 1) if kpi in ADDING_UP else (months,):
        here = [g for g in set_for if _lies_in(g.period, length, ask)]
        values = [g.value for g in here if g.value is not None]
        whole = len(here) * length == months or (length == months and kpi in ADDING_UP)
        if here and whole and len(values) == len(here):
            return sum(values)
    return None


def _lies_in(period: str, length: int, ask: Ask) -> bool:
    if (12 if len(period) == 4 else 3 if "Q" in period else 1) != length:
        return False
    year, _, rest = period.partition("-")
    month = 1 if not rest else int(rest[1]) * 3 - 2 if rest[0] == "Q" else int(rest)
    return ask.start <= date(int(year), month, 1) < ask.end
