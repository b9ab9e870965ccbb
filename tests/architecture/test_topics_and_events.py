"""Every topic is fully declared; every event type has a topic, a schema, an example, a consumer."""

import ast
from pathlib import Path

import yaml

from events import EVENT_TYPES, EventData
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
    return kind in SUPERSEDING or route(_example(kind), source="/tandem/test") is not None


def _example(kind: type[EventData]) -> EventData:
    from events import examples

    return examples.of(kind)


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
