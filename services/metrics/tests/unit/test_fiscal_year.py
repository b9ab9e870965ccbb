"""Quarters and years of a company whose year begins in another month, against brute force."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kpi_histories import BASE, History, plain
from kpi_oracles import Ask, Books, expected
from memory_shelf import folded, readings

from metrics.catalogues import catalogue_for, company_for, terms_of
from metrics.engine.calendar import Grain
from metrics.engine.company import Company, date_of, micros_of
from metrics.engine.reading import rows_of
from metrics.engine.sums import Known
from metrics.engine.working_hours import parse_working_hours
from metrics.kpis import CATALOGUE
from metrics.query.question import Asked, read_question

ZONE = "Europe/Berlin"
OF_SALES = ("deal", "order", "customer")
MAKERS = {
    "revenue_net": OF_SALES,
    "win_rate": ("deal",),
    "customer_retention": OF_SALES,
    "net_revenue_retention": OF_SALES,
    "purchase_frequency": OF_SALES,
    "revenue_attainment": ("deal", "order", "target", "target"),
    "market_share": ("deal", "order", "market", "market"),
}


@pytest.mark.parametrize("kpi", MAKERS)
@settings(max_examples=5)
@given(
    seed=st.integers(0, 2**40),
    month=st.integers(2, 12),
    grain=st.sampled_from([Grain.QUARTER, Grain.YEAR]),
)
def test_fiscal_quarters_and_years_are_those_of_the_oracle(
    kpi: str, seed: int, month: int, grain: Grain
) -> None:
    company = Company(time_zone=ZONE, base_currency=BASE, first_month=month)
    history = History(seed, facts=40, zone=ZONE, of=MAKERS[kpi])
    shelf = folded([history.events], company)
    books = Books(plain(history.events), ZoneInfo(ZONE), BASE, first_month=month)
    now = datetime(2024, 5, 15, 12, tzinfo=UTC) + timedelta(
        days=random.Random(seed).choice([0, 120, 900])
    )
    known = Known(company, micros_of(now), complete=True)
    start, end = date(2023, month, 1), date(2025, month, 1)
    for by in ((), ("product",)):
        asked = Asked(grain=grain, start=start, end=end, by=by)
        question = read_question(kpi, asked, catalogue=CATALOGUE, company=company, today=0)
        assert len(question.periods) == (2 if grain is Grain.YEAR else 8)
        for sums in readings(shelf, question, known):
            for row in rows_of(question.kpi, sums, by=question.by, filtered=(), known=known):
                where = ("product", row.members[0]) if row.members else (None, None)
                span = date_of(row.period.start), date_of(row.period.end)
                wanted = expected(kpi, books, Ask(*span, where, now))
                value = None if wanted.value is None else float(wanted.value)
                told = row.value, row.n
                assert told == (value, float(wanted.n)), (row.period.label, where)


def test_another_first_month_makes_other_figures() -> None:
    usual, other = (
        Company(time_zone=ZONE, base_currency=BASE, first_month=month) for month in (1, 4)
    )
    assert terms_of(usual) != terms_of(other)


def test_figures_made_as_we_would_make_them_can_be_read_beside_others() -> None:
    hours = parse_working_hours("Sun-Thu 08:00-16:30")
    ours = Company(time_zone=ZONE, base_currency=BASE, working_hours=hours, first_month=4)
    made = terms_of(ours)
    assert catalogue_for(made, company_for(made, ours)) is not None
    usual = Company(time_zone=ZONE, base_currency=BASE)
    assert catalogue_for(made, company_for(made, usual)) is None
