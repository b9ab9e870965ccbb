"""Every topic is fully declared; every event type has a topic, a schema, an example, a consumer."""

import ast
import json
from pathlib import Path

import jsonschema
import msgspec
import yaml

from events import EVENT_TYPES, EventData
from events.schemas import EXAMPLES_FOLDER, SCHEMAS_FOLDER, outdated, schema_path, short_name
from events.types.log import RecordParked
from metrics.consuming import TOPICS as FOLDED_TOPICS
from metrics.engine.routing import SUPERSEDING, route

ROOT = Path(__file__).parents[2]
SERVICES = {"customer", "pipeline", "ops", "metrics", "gateway"}
TOPICS = yaml.safe_load((ROOT / "deploy/kafka/topics.yaml").read_text())["topics"]
LISTENING = ("handlers", "kpi")
"""Packages of services that hold what they do when they hear of something."""


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


def test_every_event_type_has_a_declared_topic_and_a_well_formed_name() -> None:
    for name, kind in EVENT_TYPES.items():
        company, house, context, _aggregate, _past, version = name.split(".")
        assert (company, house) == ("com", "tandem"), name
        assert version.startswith("v"), name
        assert kind.__doc__, name
        if kind is not RecordParked:  # goes to the `-dlq` of the topic that it is about
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


def test_every_event_type_has_somebody_who_listens() -> None:
    named = _names_in_listening_modules()
    unheard = [
        name
        for name, kind in EVENT_TYPES.items()
        if kind is not RecordParked and kind.__name__ not in named and not _is_folded(kind)
    ]
    assert unheard == []


def _is_folded(kind: type[EventData]) -> bool:
    if kind.topic not in FOLDED_TOPICS:
        return False
    if kind in SUPERSEDING:
        return True
    example = json.loads(_examples(kind)[0].read_text())["data"]
    return route(msgspec.convert(example, type=kind), source="/tandem/test") is not None


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
