"""Every topic is fully declared; every event type has a topic, a schema, an example, a consumer."""

import ast
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import yaml

from events import EVENT_TYPES, EventData
from events.schemas import (
    EXAMPLES_FOLDER,
    SCHEMAS_FOLDER,
    contracts_of,
    outdated,
    schema_of,
    schema_path,
    short_name,
)
from events.types import Superseded
from events.types.heartbeat import BeatEmitted
from events.types.kpi import CataloguePublished, PeriodClosed
from events.types.log import EventRejected, RecordParked
from metrics.consuming import TOPICS as FOLDED_TOPICS
from metrics.engine.routing import SUPERSEDING, route
from metrics.facts import FACT_KINDS

ROOT = Path(__file__).parents[2]
SERVICES = {"customer", "pipeline", "ops", "metrics", "gateway"}
TOPICS = yaml.safe_load((ROOT / "deploy/kafka/topics.yaml").read_text())["topics"]
LISTENING = ("handlers", "kpi")
"""Packages of services that hold what they do when they hear of something."""
OUTWARD = {RecordParked, EventRejected, BeatEmitted, PeriodClosed, CataloguePublished}
"""For those who watch from outside: operators, and systems that show our figures elsewhere."""
KEPT_FOR_LATER: set[str] = set()
"""Short names of types that no fact counts yet; the journal has them from the first day on."""


def test_every_topic_says_whose_it_is_and_how_it_is_kept() -> None:
    for name, topic in TOPICS.items():
        assert topic["owner"] in SERVICES, name
        assert topic["key"], name
        assert topic["partitions"] >= 1, name
        assert topic["retention"], name
        assert isinstance(topic["dlq"], bool), name
        assert topic["description"], name


def test_topics_that_views_are_rebuilt_from_keep_their_history() -> None:
    for name in FOLDED_TOPICS:
        assert TOPICS[name]["retention"] == "forever"
        assert TOPICS[name]["dlq"] is True


def test_an_event_of_a_day_says_on_which_day_it_counts() -> None:
    """Else what is uploaded years later is taken to be of the day of its upload."""
    for kind in EVENT_TYPES.values():
        days = [one.name for one in msgspec.structs.fields(kind) if one.type is date]
        assert bool(days) == (kind.counts_on is not EventData.counts_on), (kind.__name__, days)


def test_every_event_type_has_a_declared_topic_and_a_well_formed_name() -> None:
    for name, kind in EVENT_TYPES.items():
        company, house, context, _aggregate, _past, version = name.split(".")
        assert (company, house) == ("com", "tandem"), name
        assert version.startswith("v"), name
        assert kind.__doc__, name
        if kind.topic != "dlq":  # goes beside the topic that it is about
            assert kind.topic in TOPICS, name
            assert context == kind.topic, name


def test_every_event_type_has_an_example_that_its_schema_allows() -> None:
    for kind in EVENT_TYPES.values():
        schema = json.loads((SCHEMAS_FOLDER / schema_path(kind)).read_text())
        for path in _examples(kind):
            example = json.loads(path.read_text())
            assert example["type"] == kind.wire_type, path
            jsonschema.validate(example["data"], schema)


def test_every_example_and_schema_belongs_to_an_event_type() -> None:
    named = {path for kind in EVENT_TYPES.values() for path in _examples(kind)}
    assert set(EXAMPLES_FOLDER.rglob("*.json")) == named
    assert outdated() == []


def test_every_event_type_is_counted_kept_or_heard() -> None:
    """Nothing is published for nobody: each type has one of three kinds of consumers.

    Metrics counts it in a fact; or keeps it in the journal, where a KPI that comes
    later finds its history; or a service (or a watcher from outside) acts on it.
    """
    heard = _names_in_listening_modules()
    for name, kind in EVENT_TYPES.items():
        is_consumed = kind.topic in FOLDED_TOPICS or kind.__name__ in heard or kind in OUTWARD
        assert is_consumed, name


def test_what_is_only_kept_for_later_is_named() -> None:
    """So that nobody believes a type to be counted. A type that a fact folds leaves the list."""
    heard = _names_in_listening_modules()
    kept = {
        ".".join(name.split(".")[3:5])
        for name, kind in EVENT_TYPES.items()
        if kind.topic in FOLDED_TOPICS
        and not _is_counted(kind)
        and kind.__name__ not in heard
        and not issubclass(kind, Superseded)
    }
    assert kept == KEPT_FOR_LATER


def _is_counted(kind: type[EventData]) -> bool:
    if kind in SUPERSEDING:
        return True
    example = json.loads(_examples(kind)[0].read_text())["data"]
    ref = route(msgspec.convert(example, type=kind), source="/tandem/test")
    return ref is not None and ref.kind in FACT_KINDS


def test_no_event_has_room_for_what_people_write() -> None:
    """Names and remarks stay in the services: what is on the log cannot be erased."""
    for kind in EVENT_TYPES.values():
        if kind in {RecordParked, EventRejected}:  # written by code, kept 30 days
            continue
        assert [path for path, node in _texts(schema_of(kind), "") if not _is_coded(node)] == []


def _texts(node: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        if node.get("type") == "string":
            yield path, node
        for name, part in node.items():
            yield from _texts(part, f"{path}/{name}")
    elif isinstance(node, list):
        for part in node:
            yield from _texts(part, path)


def _is_coded(text: dict[str, Any]) -> bool:
    """An id or a code (short), a day, an instant, or of a known shape."""
    return "format" in text or "pattern" in text or text.get("maxLength", 1_000) <= 128


def test_older_versions_lead_to_the_next_on_the_same_topic_under_the_same_key() -> None:
    contracts = contracts_of()
    for name, kind in EVENT_TYPES.items():
        if not issubclass(kind, Superseded):
            continue
        stem, _, major = name.rpartition(".v")
        assert kind.newer.wire_type == f"{stem}.v{int(major) + 1}"
        assert kind.newer.topic == kind.topic
        assert contracts[kind.newer.wire_type].key == contracts[name].key


def _examples(kind: type[EventData]) -> list[Path]:
    """One at least; variants have a word more in their name, partners' their own folder."""
    name = short_name(kind.wire_type)
    found = [*EXAMPLES_FOLDER.rglob(f"{name}.json"), *EXAMPLES_FOLDER.rglob(f"{name}.*.json")]
    assert found, f"{name} has no example"
    return found


def _names_in_listening_modules() -> set[str]:
    files = [
        path
        for service in SERVICES
        for folder in LISTENING
        for path in (ROOT / "services" / service / "src" / service / folder).rglob("*.py")
    ]
    return {
        node.id
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name)
    }
