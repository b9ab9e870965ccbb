"""Rows become the events that the gateway takes, or refusals that name line, column and mend."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from events.money import minor_digits
from events.partners import Incoming, Terms
from events.partners.reading import read_event
from tandem.importing.contracts import contracts
from tandem.importing.mapping import EventStep, MappingInvalid, load_mapping
from tandem.importing.partner_events import prepare_events
from tandem.importing.rows import Prepared
from tandem.importing.table import Refusal, read_table
from tandem.importing.template import template_of
from tandem.importing.values import Reader

EXAMPLES = Path(__file__).parents[3] / "libs" / "events" / "examples" / "partner"
SOURCE = "/partners/files"
ORDERS: dict[str, Any] = {
    "event": "order.paid",
    "file": "f.csv",
    "time": "paid_on",
    "fields": {
        "order_id": "no",
        "amount": {"column": "total", "currency": "USD"},
        "dimensions.channel": "channel",
    },
}
HEADER = "no,paid_on,total,channel,sku,qty\n"


def events(
    tmp_path: Path, text: str, step: dict[str, Any] | None = None, **terms: Any
) -> tuple[list[Prepared], list[Refusal]]:
    path = tmp_path / "f.csv"
    path.write_text(text, encoding="utf-8")
    return prepare_events(
        EventStep.model_validate(step or ORDERS),
        read_table(path, delimiter=",", encoding="utf-8"),
        Reader(ZoneInfo("Asia/Shanghai"), {}),
        source=SOURCE,
        terms=Terms(**terms),
    )


def with_lines(**more: Any) -> dict[str, Any]:
    lines = {"product": "sku", "quantity": "qty"}
    lines["amount_minor"] = {"column": "total", "currency": "USD"}  # type: ignore[assignment]
    fields = ORDERS["fields"] | {"amount": {"column": "total", "currency": "USD", "sum": True}}
    return ORDERS | {"group_on": ["no"], "lists": {"lines": lines}, "fields": fields} | more


def test_a_row_becomes_the_event_that_its_mapping_says(tmp_path: Path) -> None:
    made, refusals = events(tmp_path, HEADER + "A-1,2026-03-31,12.50,web,,\n")
    assert refusals == []
    assert made[0].body["data"] == {
        "order_id": "A-1",
        "amount": {"amount_minor": 1250, "currency": "USD"},
        "dimensions": {"channel": "web"},
    }
    assert made[0].body["time"] == "2026-03-31T12:00:00+08:00"
    assert made[0].body["source"] == SOURCE


def test_the_same_row_has_the_same_id_and_a_corrected_one_another(tmp_path: Path) -> None:
    first, _ = events(tmp_path, HEADER + "A-1,2026-03-31,12.50,web,,\nA-2,2026-03-31,1,,,\n")
    again, _ = events(tmp_path, HEADER + "A-2,2026-03-31,1.00,,,\nA-1,2026-03-31,12.51,web,,\n")
    assert first[1].body["id"] == again[0].body["id"]
    assert first[0].body["id"] != again[1].body["id"]


def test_the_mapping_may_name_the_ids_itself(tmp_path: Path) -> None:
    made, _ = events(tmp_path, HEADER + "A-1,2026-03-31,12.50,web,,\n", ORDERS | {"id": "no"})
    assert made[0].body["id"] == "A-1"


def test_an_empty_id_is_refused(tmp_path: Path) -> None:
    made, refusals = events(tmp_path, HEADER + "A-1,2026-03-31,1,,,\n", ORDERS | {"id": "sku"})
    assert made == []
    assert (refusals[0].field, refusals[0].mend) == ("id", "fill column 'sku'")


def test_a_row_that_is_again_as_it_was_is_a_new_event_at_a_new_revision(tmp_path: Path) -> None:
    def ids(*revisions: str) -> list[str]:
        text = HEADER + "".join(f"A-1,2026-03-31,1,,{revision},\n" for revision in revisions)
        step = ORDERS | {"revision": "sku", "one_row_each": False}
        return [one.body["id"] for one in events(tmp_path, text, step)[0]]

    first, again, later = ids("monday", "monday", "friday")
    assert len({first, again, later}) == 3
    assert ids("monday", "friday") == [first, later]


def test_rows_that_make_one_order_are_its_lines(tmp_path: Path) -> None:
    rows = "A-1,2026-03-31,12.50,web,p,1\nA-2,2026-03-31,1,,r,1\nA-1,2026-03-31,7.50,web,q,2\n"
    made, refusals = events(tmp_path, HEADER + rows, with_lines())
    assert refusals == []
    assert [one.line for one in made] == [2, 3]
    data = made[0].body["data"]
    assert data["amount"]["amount_minor"] == 2000
    assert [(line["product"], line["quantity"]) for line in data["lines"]] == [("p", 1), ("q", 2)]


def test_rows_of_one_order_must_agree_in_what_is_the_orders(tmp_path: Path) -> None:
    text = HEADER + "A-1,2026-03-31,12.50,web,p,1\nA-1,2026-03-31,7.50,shop,q,2\n"
    made, refusals = events(tmp_path, text, with_lines())
    assert made == []
    assert (refusals[0].line, refusals[0].field) == (3, "data.dimensions.channel")
    assert "line 2" in refusals[0].reason


@pytest.mark.parametrize(
    ("row", "field", "words"),
    [
        ("A-1,2026-03-31,12.505,web,,", "data.amount", "mend column 'total'"),
        ("A-1,31.03.2026,12.50,web,,", "time", "mend column 'paid_on'"),
        ("A-1,,12.50,web,,", "time", "mend column 'paid_on'"),
        (",2026-03-31,12.50,web,,", "data.order_id", "fill column 'no'"),
        ("A-1,2026-03-31,,web,,", "data.amount", "fill column 'total'"),
        (f"A-1,2026-03-31,1,{'x' * 90},,", "data.dimensions.channel", "mend column 'channel'"),
        ("A-1,2099-01-01,1,web,,", "time", "mend column 'paid_on'"),
    ],
)
def test_a_row_that_the_gateway_would_refuse_is_refused_by_line_and_column(
    tmp_path: Path, row: str, field: str, words: str
) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    made, refusals = events(tmp_path, f"{HEADER}{row}\n", not_after=now)
    assert made == []
    assert (refusals[0].file, refusals[0].line, refusals[0].field) == ("f.csv", 2, field)
    assert words in refusals[0].mend


@pytest.mark.parametrize(
    ("cells", "field", "column"), [("p,0", "quantity", "qty"), (",1", "product", "sku")]
)
def test_a_fault_in_a_line_of_an_order_names_its_column(
    tmp_path: Path, cells: str, field: str, column: str
) -> None:
    made, refusals = events(tmp_path, f"{HEADER}A-1,2026-03-31,5,web,{cells}\n", with_lines())
    assert made == []
    assert refusals[0].field == f"data.lines[0].{field}"
    assert f"column {column!r}" in refusals[0].mend


def test_a_word_that_is_none_of_a_fields_words_is_told_them(tmp_path: Path) -> None:
    step = {
        "event": "survey.responded",
        "file": "f.csv",
        "time": "on",
        "fields": {"survey_id": "no", "kind": "kind", "score": "score", "scale_max": {"value": 5}},
    }
    _, refusals = events(tmp_path, "no,on,kind,score\n1,2026-03-31,CSAT,4\n", step)
    assert "one of ces, csat, nps" in refusals[0].mend


def test_a_second_row_about_the_same_thing_is_refused_unless_each_is_one_more(
    tmp_path: Path,
) -> None:
    text = HEADER + "A-1,2026-03-31,1,web,,\nA-1,2026-03-31,1,web,,\nA-1,2026-03-31,2,web,,\n"
    made, refusals = events(tmp_path, text)
    assert len(made) == 1
    assert [(refusal.line, "line 2" in refusal.reason) for refusal in refusals] == [(4, True)]
    made, refusals = events(tmp_path, text, ORDERS | {"one_row_each": False})
    assert refusals == []
    assert len({one.body["id"] for one in made}) == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"event": "order.payed"}, "did you mean order.paid"),
        ({"fields": {"order_id": "no"}}, "order.paid needs the field 'amount'"),
        ({"fields": ORDERS["fields"] | {"chanel": "c"}}, "'chanel' is no field of order.paid"),
        ({"lists": {"lines": {"produkt": "p"}}}, "'lines.produkt' is no field"),
        ({"time": {"colum": "x"}}, "colum"),
    ],
)
def test_a_mapping_that_does_not_fit_the_event_is_refused_before_any_row(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    mapping = {"time_zone": "UTC", "source": SOURCE, "steps": [ORDERS | change]}
    path = tmp_path / "m.yaml"
    path.write_text(json.dumps(mapping), encoding="utf-8")
    with pytest.raises(MappingInvalid, match=words):
        load_mapping(path)


def test_events_need_a_source(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(json.dumps({"time_zone": "UTC", "steps": [ORDERS]}), encoding="utf-8")
    with pytest.raises(MappingInvalid, match="source"):
        load_mapping(path)


def partner_examples() -> list[tuple[str, Path]]:
    return [
        (contract.name, path)
        for contract in contracts()
        for path in sorted(EXAMPLES.glob(f"{contract.name}.v1*.json"))
    ]


@pytest.mark.parametrize(
    ("name", "path"), partner_examples(), ids=lambda value: getattr(value, "stem", "")
)
def test_a_template_makes_of_a_file_exactly_the_event_that_was_written_into_it(
    tmp_path: Path, name: str, path: Path
) -> None:
    example = json.loads(path.read_text(encoding="utf-8"))
    contract = next(one for one in contracts() if one.name == name)
    text = template_of(contract, time_zone="UTC", source=SOURCE)
    mapping = tmp_path / "m.yaml"
    mapping.write_text(text, encoding="utf-8")
    step = load_mapping(mapping).steps[0]
    assert isinstance(step, EventStep)
    columns = text.splitlines()[2].removeprefix("# ").split(",")
    assert set(columns) >= step.columns
    file = tmp_path / f"{name}.csv"
    file.write_text(as_csv(step, columns, example), encoding="utf-8")
    table = read_table(file, delimiter=",", encoding="utf-8")
    made, refusals = prepare_events(
        step, table, Reader(ZoneInfo("UTC"), {}), source=SOURCE, terms=Terms()
    )
    assert refusals == []
    (event,) = made
    assert payload(event.body) == payload(example)


def payload(event: dict[str, Any]) -> Any:
    known = ("specversion", "id", "source", "type", "time", "data")
    read = read_event(json.dumps({name: event[name] for name in known}).encode(), Terms())
    assert isinstance(read, Incoming), read
    return json.loads(read.payload)


def as_csv(step: EventStep, columns: list[str], example: dict[str, Any]) -> str:
    """The file that the template's header asks for."""
    data = example["data"]
    assert step.time.column
    head = {step.time.column: example["time"]} | cells(step.fields, data)
    items = [
        cells(rules, item)
        for path, rules in step.lists.items()
        for item in found(data, path.split(".")) or []
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    for item in items or [{}]:
        writer.writerow(head | {name: cell for name, cell in item.items() if cell != ""})
    return text.getvalue()


def cells(rules: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for path, rule in rules.items():
        value = found(data, path.split("."))
        if value is None:
            continue
        if rule.type == "money":
            row[rule.currency_column] = value["currency"]
            value = value["amount_minor"]
        if rule.type in {"money", "minor"}:
            currency = row.get(rule.currency_column) or found(data, ["amount", "currency"]) or "USD"
            value = Decimal(value).scaleb(-minor_digits(currency))
        row[rule.column] = value
    return row


def found(data: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(data, list):
            data = data[int(part)] if int(part) < len(data) else None
        else:
            data = (data or {}).get(part)
    return data
