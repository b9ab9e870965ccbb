"""What stands on logs since a release is read today as it was meant (tests/contract/golden).

A new release adds a log; none is ever edited. What a log is read as may change in
one way only: a newer major version of a type takes the place of the older.
"""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from events.cloudevents import from_record
from events.consumer.store import StoredRecord
from events.event import encode_data
from events.schemas import EXAMPLES_FOLDER, Release, read_releases, short_name
from events.schemas.golden import GOLDEN_FOLDER, read_text, reading_of
from events.schemas.sealed import read_sealed
from events.types.partner import EventVoided

LOGS = {
    name.removesuffix(".log"): read_text(text.decode())
    for name, text in read_sealed(GOLDEN_FOLDER).items()
    if name[0].isdigit()
}


@pytest.mark.parametrize("version", LOGS)
def test_a_golden_log_is_read_as_recorded(version: str) -> None:
    expected = json.loads((GOLDEN_FOLDER / f"{version}.read.json").read_bytes())

    assert [reading_of(from_record(record)) for record in LOGS[version]] == expected


@pytest.mark.parametrize("version", LOGS)
def test_a_golden_log_holds_every_type_of_its_release_in_both_modes(version: str) -> None:
    (release,) = [one for one in read_releases() if one.version == version]
    held = {(_is_structured(record), _type_on_the_log(record)) for record in LOGS[version]}

    assert held == {(mode, name) for mode in (True, False) for name in release.types}


@pytest.mark.parametrize("version", LOGS)
def test_keys_are_what_the_classes_of_today_call_the_subject(version: str) -> None:
    for record in LOGS[version]:
        event = from_record(record)
        assert record.key == event.subject.encode(), record
        if not isinstance(event.data, EventVoided):  # the inbox files it under what it voids
            assert event.data.subject == event.subject, record


@pytest.mark.parametrize("version", LOGS)
def test_nothing_that_it_says_is_dropped(version: str) -> None:
    """Unless it is of an older major version, whose upcaster decides what is kept."""
    for record in LOGS[version]:
        event = from_record(record)
        if event.type == _type_on_the_log(record):
            assert json.loads(encode_data(event.data)) == _data_on_the_log(record), record


@pytest.mark.parametrize("release", read_releases(), ids=lambda release: release.version)
def test_what_is_written_today_can_be_read_by_every_release(release: Release) -> None:
    for wire_type in release.types:
        validator = Draft202012Validator(_opened(release.schema(wire_type)))
        name = short_name(wire_type)
        for path in (
            *EXAMPLES_FOLDER.rglob(f"{name}.json"),
            *EXAMPLES_FOLDER.rglob(f"{name}.*.json"),
        ):
            validator.validate(json.loads(path.read_bytes())["data"])


def _opened(node: Any) -> Any:
    """A producer's closed schema as a tolerant consumer takes it."""
    if isinstance(node, dict):
        return {name: _opened(part) for name, part in node.items() if part is not False}
    return [_opened(part) for part in node] if isinstance(node, list) else node


def _is_structured(record: StoredRecord) -> bool:
    return dict(record.headers)["content-type"] != b"application/json"


def _type_on_the_log(record: StoredRecord) -> str:
    if _is_structured(record):
        return str(json.loads(record.value or b"")["type"])
    return (dict(record.headers)["ce_type"] or b"").decode()


def _data_on_the_log(record: StoredRecord) -> Any:
    value = json.loads(record.value or b"")
    return value["data"] if _is_structured(record) else value
