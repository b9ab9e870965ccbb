"""What the field types let in, and what they refuse."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from chassis.types import (
    Code,
    CurrencyCode,
    Day,
    Id,
    Instant,
    MinorAmount,
    Note,
    RateText,
    StrictModel,
    Text,
)


def accepts(kind: Any, value: object) -> bool:
    try:
        TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2017-03-31T15:30:00Z", datetime(2017, 3, 31, 15, 30, tzinfo=UTC)),
        ("2017-03-31t23:30:00.5+08:00", datetime(2017, 3, 31, 15, 30, 0, 500_000, tzinfo=UTC)),
        ("2017-03-31T23:59:59.123456789Z", datetime(2017, 3, 31, 23, 59, 59, 123_456, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_as_utc(text: str, instant: datetime) -> None:
    read = TypeAdapter(Instant).validate_python(text)
    assert read == instant
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        "2017-03-31T15:30:00",
        "2017-03-31",
        "2017-02-30T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1899-12-31T23:59:59Z",
        "2201-01-01T00:00:00Z",
        "2017-W13-5T00:00:00Z",
        "20170331T153000Z",
        "2017-03-31T24:00:00Z",
        "2017-03-31T23:59:60Z",
        "2017-03-31T15:30:00 08:00",
        "２017-03-31T15:30:00Z",
        1490974200,
        1490974200.5,
        True,
        None,
        datetime(2017, 3, 31),  # noqa: DTZ001 - naive on purpose
    ],
)
def test_what_is_no_instant_is_refused(value: object) -> None:
    assert not accepts(Instant, value)


def test_an_instant_at_the_edge_of_years_stays_within_them_in_utc() -> None:
    # 2200-12-31 in the west is 2201 in UTC.
    assert not accepts(Instant, "2200-12-31T23:00:00-10:00")
    assert not accepts(Instant, "1900-01-01T00:00:00+10:00")


@pytest.mark.parametrize(
    "value", ["2017-02-29", "2017-3-1", "0000-01-01", "31.03.2017", 20170331, True, None, ""]
)
def test_what_is_no_day_is_refused(value: object) -> None:
    assert not accepts(Day, value)


def test_a_day_is_read() -> None:
    assert TypeAdapter(Day).validate_python("2016-02-29") == date(2016, 2, 29)


@pytest.mark.parametrize(
    "value", [-1, 10**15 + 1, 10**30, 1.0, "1", True, None, float("nan"), float("inf")]
)
def test_what_is_no_amount_is_refused(value: object) -> None:
    assert not accepts(MinorAmount, value)


@pytest.mark.parametrize("value", ["1e3", "-1", "1,5", "٣", "", "1.", "NaN", "1" * 10, 7.1])
def test_what_is_no_rate_is_refused(value: object) -> None:
    assert not accepts(RateText, value)


@pytest.mark.parametrize("value", ["usd", "US", "USDT", "U$D", "USD\n", "ÜSD"])
def test_what_is_no_currency_is_refused(value: str) -> None:
    assert not accepts(CurrencyCode, value)


@pytest.mark.parametrize("kind", [Id, Code, Text, Note])
@pytest.mark.parametrize("value", ["", "a\0b", "\ud800", "a\x1b[31m", "a\x85b", 5, None, b"x"])
def test_text_that_cannot_be_stored_or_shown_is_refused(kind: Any, value: object) -> None:
    assert not accepts(kind, value)


@given(st.text(alphabet=st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=80))
def test_every_other_text_is_kept_as_it_is(text: str) -> None:
    assert TypeAdapter(Id).validate_python(text) == text
    if text == text.strip():
        assert TypeAdapter(Code).validate_python(text) == text


def test_a_note_has_lines_and_a_text_has_one() -> None:
    assert TypeAdapter(Note).validate_python("a\n\tb\r\nc ") == "a\n\tb\r\nc"
    assert not accepts(Text, "a\nb")
    assert TypeAdapter(Text).validate_python("  a ") == "a"


def test_a_strict_model_takes_no_unknown_field_and_converts_nothing() -> None:
    class Thing(StrictModel):
        count: int

    for wrong in ({"count": "1"}, {"count": True}, {"count": 1.0}, {"count": 1, "colour": 2}):
        with pytest.raises(ValidationError):
            Thing.model_validate(wrong)
