"""A mapping says what is odd about a file; what it cannot read is refused by field and mend."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tandem.importing.mapping import CollectionStep, MappingInvalid, load_mapping
from tandem.importing.rows import Prepared, prepare
from tandem.importing.table import FileUnusable, Line, Refusal, Table
from tandem.importing.values import Reader

SHANGHAI = ZoneInfo("Asia/Shanghai")


def prepared(
    fields: dict[str, Any],
    *cells: dict[str, str],
    ids: dict[str, dict[str, str]] | None = None,
    **step: Any,
) -> tuple[list[Prepared], list[Refusal]]:
    lines = tuple(Line(number, row) for number, row in enumerate(cells, start=2))
    table = Table("f.csv", tuple(cells[0]), lines, ())
    rule = CollectionStep.model_validate(
        {"collection": "deals", "file": "f.csv", "fields": fields, **step}
    )
    return prepare(rule, table, Reader(SHANGHAI, ids or {}))


def only_value(rule: Any, text: str, **more: Any) -> Any:
    rows, refusals = prepared({"x": rule}, {"c": text}, **more)
    assert not refusals
    return rows[0].body.get("x")


def only_refusal(rule: Any, text: str) -> Refusal:
    rows, refusals = prepared({"x": rule}, {"c": text})
    assert not rows
    return refusals[0]


def test_an_instant_is_the_days_hour_in_the_mappings_zone() -> None:
    rule = {"column": "c", "type": "instant", "at": "23:30"}
    assert only_value(rule, "2017-03-31") == "2017-03-31T23:30:00+08:00"


def test_money_is_read_exactly_into_minor_units() -> None:
    rule = {"column": "c", "type": "money", "currency": "USD"}
    assert only_value(rule, "1054.10") == {"amount_minor": 105410, "currency": "USD"}


@pytest.mark.parametrize(
    ("rule", "text", "minor"),
    [
        ({"currency": "JPY"}, "1500", 1500),
        ({"currency": "KWD"}, "1.234", 1234),
        ({"currency": "EUR", "decimal": ",", "thousands": "."}, "1.299,05", 129905),
        ({"currency": "USD", "thousands": ","}, "-1,299.05", -129905),
        ({"currency": "USD", "minor_digits": 0}, "129905", 129905),
    ],
)
def test_money_is_written_as_its_country_writes_it(
    rule: dict[str, Any], text: str, minor: int
) -> None:
    rule = {"column": "c", "type": "money", **rule}
    assert only_value(rule, text) == {"amount_minor": minor, "currency": rule["currency"]}


@pytest.mark.parametrize(
    ("rule", "text", "value"),
    [
        ({"type": "integer", "times": 60}, "1.5", 90),
        ({"type": "integer", "times": 10000}, "0.35", 3500),
        ({"type": "boolean"}, "Yes", True),
        ({"type": "boolean"}, "否", False),
        ({"type": "day", "format": "%d.%m.%Y"}, "31.03.2026", "2026-03-31"),
        ({"type": "day", "format": "iso"}, "2026-03-31T23:30:00Z", "2026-03-31"),
        (
            {"type": "instant", "format": "%d.%m.%Y %H:%M"},
            "31.03.2026 09:15",
            "2026-03-31T09:15:00+08:00",
        ),
        ({"type": "instant", "format": "iso"}, "2026-03-31", "2026-03-31T12:00:00+08:00"),
        (
            {"type": "instant", "format": "iso"},
            "2026-03-31T09:15:00-05:00",
            "2026-03-31T09:15:00-05:00",
        ),
        ({"map": {"Y": True}}, "Y", True),
    ],
)
def test_other_values_are_read_by_their_type(rule: dict[str, Any], text: str, value: Any) -> None:
    assert only_value({"column": "c", **rule}, text) == value


def test_an_amount_without_its_currency_is_refused() -> None:
    rule = {"column": "c", "type": "money", "currency_column": "d"}
    rows, refusals = prepared({"x": rule}, {"c": "5", "d": ""}, {"c": "5", "d": "eur"})
    assert [row.body["x"]["currency"] for row in rows] == ["EUR"]
    assert "fill column 'd'" in refusals[0].mend


def test_empty_text_is_null_and_left_out() -> None:
    assert only_value({"column": "c", "type": "money", "currency": "USD"}, "") is None


def test_replace_leaves_other_values_and_map_refuses_them() -> None:
    assert only_value({"column": "c", "replace": {"GTXPro": "GTX Pro"}}, "MG") == "MG"
    assert only_value({"column": "c", "replace": {"GTXPro": "GTX Pro"}}, "GTXPro") == "GTX Pro"
    refusal = only_refusal({"column": "c", "map": {"Won": "won"}}, "Maybe")
    assert (refusal.line, refusal.field) == (2, "x")
    assert "Won" in refusal.mend


def test_a_lookup_gives_the_id_of_an_earlier_step() -> None:
    rule = {"column": "c", "lookup": {"collection": "customers"}}
    assert only_value(rule, "Acme", ids={"customers": {"Acme": "id-1"}}) == "id-1"
    assert "'Acme' is not among the customers" in only_refusal(rule, "Acme").reason


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"type": "money", "currency": "USD"}, "12,5"),
        ({"type": "money", "currency": "USD"}, "1.005"),
        ({"type": "money", "currency": "USD"}, "1e400"),
        ({"type": "money", "currency": "USD"}, "NaN"),
        ({"type": "money", "currency": "USD"}, "Infinity"),
        ({"type": "money", "currency": "EUR", "decimal": ","}, "12.50"),
        ({"type": "integer"}, "1.5"),
        ({"type": "integer", "times": 60}, "0.333"),
        ({"type": "boolean"}, "maybe"),
        ({"type": "instant", "format": "iso"}, "31.03.2026"),
        ({"type": "integer"}, "9" * 5000),
        ({"type": "day"}, "0000-01-01"),
        ({"type": "day"}, "31/12/2017"),
        ({"type": "instant"}, "2017-02-30"),
    ],
)
def test_nonsense_is_refused_by_field_with_the_mend(rule: dict[str, Any], text: str) -> None:
    refusal = only_refusal({"column": "c", **rule}, text)
    assert refusal.field == "x"
    assert "mend column 'c'" in refusal.mend


def test_a_condition_that_does_not_hold_makes_the_field_null() -> None:
    rule = {"value": "unknown", "when": {"column": "c", "in": ["Lost"]}}
    assert only_value(rule, "Won") is None
    assert only_value(rule, "Lost") == "unknown"


def test_an_equal_repeat_inside_a_file_is_dropped_and_a_differing_one_is_refused() -> None:
    fields = {"external_ref": "id", "product": "p"}
    rows, refusals = prepared(
        fields,
        {"id": "1", "p": "a"},
        {"id": "1", "p": "a"},
        {"id": "1", "p": "b"},
        {"id": "2", "p": "b"},
    )
    assert [row.body["external_ref"] for row in rows] == ["1", "2"]
    assert [(refusal.line, refusal.field) for refusal in refusals] == [(4, "external_ref")]
    assert "line 2" in refusals[0].reason


def test_a_column_that_the_file_has_not_is_named_with_those_it_has() -> None:
    with pytest.raises(FileUnusable, match="no column 'amount'; it has c"):
        prepared({"x": "amount"}, {"c": "1"})


STEP = "time_zone: UTC\nsteps: [{collection: deals, file: a, fields: {x: %s}}]"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        (STEP.replace("UTC", "Mars/Base") % "y", "IANA"),
        (STEP.replace("deals", "planets") % "y", "collection"),
        ("time_zone: UTC\nsteps: [{collection: deals, file: a}]", "fields"),
        (STEP % "{type: money, column: c}", "currency"),
        (STEP % "{colunm: c}", "colunm"),
        (STEP % "{column: c, type: integer, value: 3}", "not both"),
        ("steps: [", "YAML"),
    ],
)
def test_an_unusable_mapping_names_the_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MappingInvalid, match=words):
        load_mapping(path)


def test_a_country_code_stays_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(STEP % "{column: c, map: {no: Norway, on: Ontario}}", encoding="utf-8")
    assert load_mapping(path).steps[0].fields["x"].map == {"no": "Norway", "on": "Ontario"}
