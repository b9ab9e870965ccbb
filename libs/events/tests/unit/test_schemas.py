"""Schemas and examples: current, valid, and none forgotten."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from events import EVENT_TYPES, strict_decoder
from events.cloudevents import from_record
from events.consumer.store import StoredRecord
from events.event import encode_data
from events.money import MAX_MINOR, Money
from events.partners import Incoming, Terms, read_http
from events.schemas import (
    EXAMPLES_FOLDER,
    SCHEMAS_FOLDER,
    outdated,
    schema_of,
    schema_path,
    short_name,
)
from events.types.pipeline import TargetSet

EXAMPLES = sorted(EXAMPLES_FOLDER.rglob("*.json"))


def load(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


def name_of(path: Path) -> str:
    return str(path.relative_to(EXAMPLES_FOLDER))


def test_the_committed_schemas_are_those_of_the_classes() -> None:
    assert outdated() == [], "run: python -m events.schemas write"


@pytest.mark.parametrize("cls", EVENT_TYPES.values(), ids=lambda cls: cls.__name__)
def test_every_type_has_a_valid_schema_and_an_example(cls: Any) -> None:
    Draft202012Validator.check_schema(load(SCHEMAS_FOLDER / schema_path(cls)))

    named = f"{short_name(cls.wire_type)}.json"
    assert (EXAMPLES_FOLDER / cls.topic / named).exists()
    if cls.from_partners:
        assert (EXAMPLES_FOLDER / "partner" / named).exists()


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_every_example_is_valid_and_belongs_to_its_name(path: Path) -> None:
    document = load(path)
    cls = EVENT_TYPES[document["type"]]
    assert path.name.startswith(short_name(cls.wire_type) + ".")
    assert path.parent.name in {cls.topic, "partner"}

    schema = load(SCHEMAS_FOLDER / schema_path(cls))
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(
        document["data"]
    )
    data = strict_decoder(cls).decode(json.dumps(document["data"]).encode())
    assert json.loads(encode_data(data)) == document["data"], "the example has a default spelt out"


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_every_example_is_accepted_where_it_would_arrive(path: Path) -> None:
    content_type = b"application/cloudevents+json"
    if path.parent.name == "partner":
        (answer,) = read_http([(b"content-type", content_type)], path.read_bytes(), terms=Terms())
        assert isinstance(answer, Incoming)
    else:
        record = StoredRecord(
            "t", 0, 0, None, path.read_bytes(), [("content-type", content_type)], 0
        )
        assert from_record(record).subject == load(path)["subject"]


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_a_field_that_no_class_knows_is_refused_by_the_schema(path: Path) -> None:
    document = load(path)
    validator = Draft202012Validator(schema_of(EVENT_TYPES[document["type"]]))

    assert list(validator.iter_errors(document["data"] | {"surprise": 1}))


@pytest.mark.parametrize("wrong", ["USD\n", "usd", "USDX", "٣٣٣", ""])
def test_a_currency_is_three_letters_and_nothing_more(wrong: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"amount_minor": 1, "currency": wrong}, type=Money)


@pytest.mark.parametrize("wrong", ["1\n", "1.\n", "٣", "1e5", "-1", ".5", ""])
def test_a_rate_is_a_plain_decimal_and_nothing_more(wrong: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"amount_minor": 1, "currency": "USD", "rate": wrong}, type=Money)


@pytest.mark.parametrize("wrong", ["2026\n", "2026-Q1\n", "2026-13", "0000", "1899", "٢٠٢٦"])
def test_a_period_is_a_year_quarter_or_month_of_our_calendar(wrong: str) -> None:
    target = {"target_id": "t", "kpi": "revenue_net", "scope": "company", "value": 1}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(target | {"period": wrong}, type=TargetSet)


def test_an_amount_that_its_rate_takes_beyond_all_bounds_is_unpriced_and_not_guessed() -> None:
    huge = Money(amount_minor=MAX_MINOR, currency="EUR", rate="1.0000001")

    assert huge.in_base_minor("USD") is None
    assert Money(amount_minor=MAX_MINOR, currency="EUR", rate="1").in_base_minor("USD") == MAX_MINOR
