from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.kpi.query import read_query


def test_spellings_of_one_question_are_one() -> None:
    one = read_query("win_rate", b"period=2017-Q1&filter=region:East&filter=team:a&by=owner")
    two = read_query(
        "win_rate", b"by=owner&filter=team%3Aa&filter=region:East&period=2017-Q1&filter=team:a"
    )
    assert one is not None
    assert one == two
    assert one.target == (
        b"/v1/kpis/win_rate?filter=region%3AEast&filter=team%3Aa&period=2017-Q1&by=owner"
    )


def test_order_of_cuts_is_the_order_of_rows() -> None:
    assert read_query("win_rate", b"by=owner&by=team") != read_query(
        "win_rate", b"by=team&by=owner"
    )


@pytest.mark.parametrize(
    ("query", "end"),
    [
        ("period=2017", date(2018, 1, 1)),
        ("period=2017-Q1", date(2017, 4, 1)),
        ("period=2017-Q4", date(2018, 1, 1)),
        ("period=2017-02", date(2017, 3, 1)),
        ("period=2017-12", date(2018, 1, 1)),
        ("period=2017-W01", date(2017, 1, 9)),
        ("period=2017-02-28", date(2017, 3, 1)),
        ("from=2017-01-01&to=2017-03-05", date(2017, 3, 5)),
        ("period=2017-13", None),
        ("period=0000", None),
        ("period=9999", None),
        ("period=2017-W60", None),
        ("to=never", None),
        ("", None),
    ],
)
def test_end_of_a_question(query: str, end: date | None) -> None:
    found = read_query("win_rate", query.encode())
    assert found is not None
    assert found.ends_before == end


@pytest.mark.parametrize("kpi", ["", "A", "a/b", "../x", "a" * 81, "é", "stream!"])
def test_what_cannot_be_a_kpi_is_not_kept(kpi: str) -> None:
    assert read_query(kpi, b"") is None


@given(st.binary(max_size=300))
def test_any_query_is_read_or_left_to_metrics(raw: bytes) -> None:
    query = read_query("win_rate", raw)
    if query is not None:
        assert query.target.isascii()
        assert query.ends_before is None or isinstance(query.ends_before, date)
        again = read_query("win_rate", query.target.partition(b"?")[2])
        assert again == query


def test_what_depends_on_published_rates_is_not_kept() -> None:
    assert read_query("revenue_net", b"currency=as_booked") is not None
    assert read_query("revenue_net", b"currency=constant&rates_on=2026-01-01") is None
    assert read_query("revenue_net", b"currency=current&period=2026-01") is None
    assert read_query("revenue_net", b"by=team&view=current") is None
    assert read_query("revenue_net", b"target=true") is None
    assert read_query("revenue_net", b"by=team&view=restated") is not None
