"""Oracle 20: money as it was booked, and at the rates of one day, is what brute force gives."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kpi_histories import BASE, History, makers_of, plain
from kpi_oracles import Ask, Books, expected
from memory_shelf import MemoryShelf, company_sums, folded

from events import Money
from events.types import UNKNOWN
from metrics.engine.calendar import Grain
from metrics.engine.company import Company, date_of, day_number, micros_of
from metrics.engine.moment import Moment
from metrics.engine.pricing import Prices
from metrics.engine.reading import rows_of
from metrics.engine.row import Row
from metrics.engine.sums import Known, Sums
from metrics.facts import moments_of
from metrics.facts.booked import Price, at_rates, booked_moments, repriced
from metrics.facts.fx import FxRate, rates_on
from metrics.kpis import CATALOGUE
from metrics.query.contributions import Contributions
from metrics.query.question import Asked, Question, read_question

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
COMPANY = Company(time_zone="Europe/Berlin", base_currency=BASE)
KNOWN = Known(COMPANY, micros_of(NOW), complete=True)
OF_MONEY = (
    *("revenue_net", "avg_deal_value", "operating_cost", "channel_cpl", "channel_roi", "cac"),
    *("pipeline_open", "pipeline_weighted"),
)
ALL_PARTS = ("value", "numerator", "denominator", "unpriced_count")
RECKONED_ANEW = {"cac": ("numerator", "unpriced_count")}
"""Money, and no more: whether a sale was refunded whole, so that its buyer is none, stays as it
was judged when it was booked.
"""
BOOKED_TOGETHER = (
    *("revenue_net", "avg_deal_value", "operating_cost"),
    *("pipeline_open", "pipeline_weighted"),
)
MAKERS = [*makers_of(["deal", "order", "cost", "campaign", "lead"]), "refund"]
CURRENCIES = (BASE, "CNY", "JPY", "EUR")
Events = list[dict[str, Any]]


def question(kpi: str, by: str | None) -> Question:
    asked = Asked(
        grain=Grain.QUARTER,
        start=date_of(day_number(datetime(2024, 1, 1, tzinfo=UTC).date())),
        end=date_of(day_number(datetime(2025, 1, 1, tzinfo=UTC).date())),
        by=[by] if by else [],
    )
    return read_question(kpi, asked, catalogue=CATALOGUE, company=COMPANY, today=0)


def rows(asked: Question, said: Iterator[list[Moment]], shelf: MemoryShelf) -> list[Row]:
    contributions = Contributions(asked, KNOWN, Prices())
    sums: Sums = contributions.new_sums()
    for moments in said:
        contributions.add_fact(moments, sums)
    whole = company_sums(shelf, asked, KNOWN)
    return list(rows_of(asked.kpi, sums, by=asked.by, filtered=(), known=KNOWN, whole=whole))


def at_price(shelf: MemoryShelf, price: Price) -> Iterator[list[Moment]]:
    for ref, fact in shelf.states().items():
        yield moments_of(ref.kind, repriced(fact.state, price), COMPANY)


def booked_in(shelf: MemoryShelf, currency: str) -> Iterator[list[Moment]]:
    for ref, fact in shelf.states().items():
        booked = booked_moments(ref.kind, fact.state, COMPANY)
        yield [moment for own, moment in booked if own == currency]


def with_money(events: Events, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Events:
    """The same events with every amount changed, wherever it stands."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            walked = {key: walk(one) for key, one in value.items()}
            return change(walked) if {"amount_minor", "currency"} <= walked.keys() else walked
        return [walk(one) for one in value] if isinstance(value, list) else value

    return [walk(event) for event in events]


def compare(asked: Question, told: list[Row], events: Events, *, names: tuple[str, ...]) -> None:
    books = Books(events, ZoneInfo(COMPANY.time_zone), BASE)
    for row in told:
        where = (asked.by[0], row.members[0]) if asked.by else (None, None)
        span = date_of(row.period.start), date_of(row.period.end)
        wanted = expected(asked.kpi.id, books, Ask(*span, where, NOW))
        for name in names:
            number = getattr(wanted, {"unpriced_count": "unpriced"}.get(name, name))
            number = None if number is None else float(number)
            assert getattr(row, name) == number, (asked.kpi.id, row, name)


@pytest.mark.parametrize("kpi", OF_MONEY)
@settings(max_examples=8)
@given(seed=st.integers(0, 2**40))
def test_at_the_rates_of_a_day_it_is_as_if_all_had_been_booked_at_them(kpi: str, seed: int) -> None:
    rnd = random.Random(seed)
    history = History(seed, facts=30, zone=COMPANY.time_zone, of=MAKERS)
    shelf = folded([history.events], COMPANY)
    rates = {name: f"{rnd.uniform(0.001, 3):.6f}" for name in ("CNY", "JPY", "EUR")}
    rates = {name: rate for name, rate in rates.items() if rnd.random() < 0.7}

    def at_the_rates(money: dict[str, Any]) -> dict[str, Any]:
        plain_money = {key: money[key] for key in ("amount_minor", "currency")}
        rate = rates.get(money["currency"])
        return plain_money if rate is None else {**plain_money, "rate": rate}

    events = with_money(plain(history.events), at_the_rates)
    for by in (None, CATALOGUE[kpi].dimensions[0]):
        asked = question(kpi, by)
        told = rows(asked, at_price(shelf, at_rates(rates, COMPANY)), shelf)
        compare(asked, told, events, names=RECKONED_ANEW.get(kpi, ALL_PARTS))


@pytest.mark.parametrize("kpi", BOOKED_TOGETHER)
@settings(max_examples=8)
@given(seed=st.integers(0, 2**40))
def test_as_booked_each_currency_stands_for_itself(kpi: str, seed: int) -> None:
    history = History(seed, facts=30, zone=COMPANY.time_zone, of=MAKERS)
    shelf = folded([history.events], COMPANY)
    asked = question(kpi, None)
    counted: dict[Any, float] = defaultdict(float)
    for currency in (*CURRENCIES, UNKNOWN):
        told = rows(asked, booked_in(shelf, currency), shelf)

        def only(money: dict[str, Any], currency: str = currency) -> dict[str, Any]:
            """Its minor units are those of the base currency; others have no rate."""
            booked = BASE if money["currency"] == currency else "XXX"
            return {"amount_minor": money["amount_minor"], "currency": booked}

        events = with_money(plain(history.events), only)
        compare(asked, told, events, names=("numerator",))
        for row in told:
            assert currency == UNKNOWN or not row.unpriced_count
            counted[row.period] += row.n + row.unpriced_count * (kpi == "avg_deal_value")
    for row in rows(asked, at_price(shelf, lambda amount: amount.base), shelf):
        assert counted[row.period] == row.n + row.unpriced_count * (kpi == "avg_deal_value")


def in_base(value: Any) -> Any:
    """The same with all money in base currency."""
    if isinstance(value, Money):
        return Money(amount_minor=value.amount_minor, currency=BASE)
    if isinstance(value, list):
        return [in_base(one) for one in value]
    if isinstance(value, msgspec.Struct):
        fields = {name: in_base(getattr(value, name)) for name in value.__struct_fields__}
        return msgspec.structs.replace(value, **fields)
    return value


@settings(max_examples=6)
@given(seed=st.integers(0, 2**40))
def test_with_one_currency_all_views_are_the_same(seed: int) -> None:
    history = History(seed, facts=30, zone=COMPANY.time_zone, of=MAKERS)
    events = [msgspec.structs.replace(one, data=in_base(one.data)) for one in history.events]
    shelf = folded([events], COMPANY)
    for kpi in BOOKED_TOGETHER:
        asked = question(kpi, None)
        plainly = rows(asked, at_price(shelf, lambda amount: amount.base), shelf)
        assert rows(asked, at_price(shelf, at_rates({}, COMPANY)), shelf) == plainly
        both = (booked_in(shelf, name) for name in (BASE, UNKNOWN))
        merged = [
            sum(row.numerator or 0 for row in of_period)
            for of_period in zip(*(rows(asked, one, shelf) for one in both), strict=True)
        ]
        assert merged == [row.numerator for row in plainly]


def test_a_currency_without_a_rate_is_counted_and_not_priced() -> None:
    history = History(5, facts=80, zone=COMPANY.time_zone, of=["cost"])
    shelf, asked = folded([history.events], COMPANY), question("operating_cost", None)
    rates = dict.fromkeys(("CNY", "JPY", "EUR"), "0.5")
    whole = rows(asked, at_price(shelf, at_rates(rates, COMPANY)), shelf)
    del rates["EUR"]
    less = rows(asked, at_price(shelf, at_rates(rates, COMPANY)), shelf)
    in_euro = {row.period: row for row in rows(asked, booked_in(shelf, "EUR"), shelf)}
    assert sum(row.n for row in in_euro.values()) > 0
    for was, row in zip(whole, less, strict=True):
        assert row.unpriced_count - was.unpriced_count == in_euro[row.period].n
        assert row.n == was.n


def test_the_rate_of_a_day_is_the_latest_until_then_as_it_was_told_last() -> None:
    published = [
        FxRate("EUR", "USD", 10, "1.1", 5),
        FxRate("EUR", "USD", 12, "1.2", 6),
        FxRate("EUR", "USD", 12, "1.3", 7),
        FxRate("EUR", "USD", 14, "1.4", 8),
        FxRate("EUR", "CNY", 12, "8.0", 9),
        FxRate("CNY", "USD", 13, "0", 9),
        FxRate("JPY", "USD", 13, None, 9),
        FxRate("CNY", "USD", 9, "0.14", 1),
    ]
    assert rates_on(13, published, base="USD") == {"EUR": "1.3", "CNY": "0.14"}
    assert rates_on(11, published, base="USD") == {"EUR": "1.1", "CNY": "0.14"}
    assert rates_on(8, published, base="USD") == {}
