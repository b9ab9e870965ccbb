"""Every KPI, by every grain and dimension, equals what brute force over plain events gives."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kpi_histories import BASE, FIRST, MAKERS, History, makers_of, plain
from kpi_oracles import ORACLES, Ask, Books, Expected, expected
from kpi_oracles.today import books_of_today
from memory_shelf import MemoryShelf, company_sums, folded, readings

from events.types import EVENT_TYPES
from metrics.engine.calendar import Grain
from metrics.engine.company import Company, date_of, micros_of
from metrics.engine.expectation import Model
from metrics.engine.kpi import Kpi, Quantile
from metrics.engine.presence import Presence, with_presences
from metrics.engine.reading import rows_of
from metrics.engine.row import Row
from metrics.engine.sums import Known
from metrics.facts import ALL_KINDS, moments_of
from metrics.kpis import CATALOGUE
from metrics.query.question import Asked, Question, read_question

ZONES = ("America/New_York", "Asia/Shanghai", "Europe/Berlin", "Pacific/Apia")
KPIS = [kpi.id for kpi in CATALOGUE if not isinstance(kpi, Model)]
"""A model's value is no sum of facts: its oracle integrates over single customers (test_models),
or lets them go on living, and it needs more of them than random histories have.
"""


def test_every_kpi_has_an_oracle() -> None:
    assert len(KPIS) == len(set(KPIS))
    assert set(ORACLES) == set(KPIS)


@pytest.mark.parametrize("kpi_id", KPIS)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**40), facts=st.integers(1, 60), zone=st.sampled_from(ZONES))
def test_values_are_those_of_the_oracle(kpi_id: str, seed: int, facts: int, zone: str) -> None:
    rnd = random.Random(seed)
    kpi = CATALOGUE[kpi_id]
    history = History(seed, facts=facts, zone=zone, of=rnd.choice([MAKERS, makers_behind(kpi)]))
    company = Company(time_zone=zone, base_currency=BASE)
    shelf = folded([history.events], company)
    books = Books(plain(history.events), ZoneInfo(zone), BASE)
    now = datetime(2024, 5, 15, 12, tzinfo=UTC) + timedelta(days=rnd.choice([0, 0, 1, 120, 400]))
    known = Known(company, micros_of(now), complete=True)
    for by in (None, *kpi.dimensions):
        question = ask(kpi, company, grain=rnd.choice(kpi.grains), by=by)
        whole = company_sums(shelf, question, known)
        for sums in readings(shelf, question, known):
            rows = rows_of(
                question.kpi, sums, by=question.by, filtered=(), known=known, whole=whole
            )
            compare(question, list(rows), books, now=now)


CUT_BY_TODAY = [kpi for kpi in KPIS if {"owner", "team", "region"} & set(CATALOGUE[kpi].dimensions)]


@pytest.mark.parametrize("kpi_id", CUT_BY_TODAY)
@settings(max_examples=6)
@given(seed=st.integers(0, 2**40), facts=st.integers(1, 60))
def test_by_todays_members_they_are_as_if_all_had_always_been_so(
    kpi_id: str, seed: int, facts: int
) -> None:
    rnd = random.Random(seed)
    kpi = CATALOGUE[kpi_id]
    of = rnd.choice([[*MAKERS], [*makers_behind(kpi), "person", "team"]])
    history = History(seed, facts=facts, zone=ZONES[0], of=of)
    company = Company(time_zone=ZONES[0], base_currency=BASE)
    shelf = folded([history.events], company)
    books = books_of_today(plain(history.events), ZoneInfo(ZONES[0]), BASE)
    now = datetime(2025, 8, 15, 12, tzinfo=UTC)
    known = Known(company, micros_of(now), complete=True)
    for by in (None, *({"owner", "team", "region"} & set(kpi.dimensions))):
        asked = ask(kpi, company, grain=rnd.choice(kpi.grains), by=by)
        question = replace(asked, today=True)
        whole = company_sums(shelf, question, known)
        [sums] = readings(shelf, question, known)
        rows = rows_of(question.kpi, sums, by=question.by, filtered=(), known=known, whole=whole)
        compare(question, list(rows), books, now=now)


OF_THE_HOUSE = ("kpi", "log", "heartbeat")
"""Contexts of events that tell of figures and of the log, and nothing of the company."""


def makers_behind(kpi: Kpi) -> list[str]:
    """Of a history of everything, few facts are behind a KPI."""
    kinds = {measure.kind for measure in kpi.measures()}
    said = {kind.of if isinstance(kind, Presence) else kind for kind in kinds}
    return makers_of([k.name for k in ALL_KINDS.values() if any(k.says(kind) for kind in said)])


def ask(kpi: Kpi, company: Company, *, grain: Grain, by: str | None, **more: Any) -> Question:
    """A question for a few periods around the history."""
    start, end = {
        "day": (date(2024, 3, 8), date(2024, 3, 14)),
        "week": (date(2024, 2, 26), date(2024, 5, 27)),
        "month": (date(2024, 2, 1), date(2025, 1, 1)),
        "quarter": (date(2024, 1, 1), date(2025, 1, 1)),
        "year": (date(2024, 1, 1), date(2025, 1, 1)),
    }[grain]
    asked = Asked(grain=grain, start=start, end=end, by=[by] if by else [], **more)
    return read_question(kpi.id, asked, catalogue=CATALOGUE, company=company, today=0)


def compare(question: Question, rows: Sequence[Row], books: Books, *, now: datetime) -> None:
    by = question.by[0] if question.by else None
    told = {(row.period, *row.members): row for row in rows}
    for row in told.values():
        where = (by, row.members[0]) if by else (None, None)
        span = (date_of(row.period.start), date_of(row.period.end))
        wanted = expected(question.kpi.id, books, Ask(*span, where, now))
        told_of = question.kpi.id, row.period.label, where
        assert figures(row) == about(question.kpi, wanted), told_of
    if by is not None:
        refuse_silent_members(question, told, books, now=now)


def refuse_silent_members(
    question: Question, told: dict[Any, Row], books: Books, *, now: datetime
) -> None:
    """Members that the engine does not mention have nothing."""
    for member in ("ann", "bob", "cid", "dee", "north", "unknown", "p0", "p1", "j1", "standard"):
        for period in question.periods:
            if (period, member) not in told:
                where = (question.by[0], member)
                span = (date_of(period.start), date_of(period.end))
                wanted = expected(question.kpi.id, books, Ask(*span, where, now))
                assert not wanted.n
                assert not wanted.unpriced
                assert not wanted.numerator
                assert not wanted.denominator


def figures(row: Row) -> tuple[Any, ...]:
    return row.value, row.numerator, row.denominator, row.n, row.unpriced_count


def rounded(wanted: Expected) -> tuple[Any, ...]:
    """Exact numbers as the engine writes them: integers where whole, else the nearest float."""
    parts = (wanted.value, wanted.numerator, wanted.denominator, wanted.n, wanted.unpriced)
    return tuple(None if part is None else float(part) for part in parts)


def about(kpi: Kpi, wanted: Expected) -> tuple[Any, ...]:
    """What a row must say; sketched values may be off by a hundredth."""
    value, *parts = rounded(wanted)
    if value is not None and isinstance(kpi, Quantile) and kpi.sketched:
        value = pytest.approx(value, rel=0.01)
    return value, *parts


def test_the_random_histories_hold_what_they_must() -> None:
    """A net without holes: every type of event and every kind of moment occurs."""
    said: set[str] = set()
    told: set[str] = set()
    for seed in range(25):
        history = History(seed, facts=60)
        told |= {event.type for event in history.events}
        company = Company(time_zone="America/New_York", base_currency=BASE)
        shelf = folded([history.events], company)
        said |= said_by(shelf, company)
    wanted = {m.kind.name for kpi in CATALOGUE for m in kpi.measures()}
    assert wanted <= said
    assert told == {name for name in EVENT_TYPES if name.split(".")[2] not in OF_THE_HOUSE}
    assert FIRST.year == 2024


def said_by(shelf: MemoryShelf, company: Company) -> set[str]:
    return {
        moment.kind.name
        for ref, fact in shelf.states().items()
        for moment in with_presences(
            moments_of(ref.kind, fact.state, company), CATALOGUE.layout.presences
        )
    }
