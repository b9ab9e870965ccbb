"""The AsyncAPI document is valid, whole, current, and its examples are what they illustrate."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from events import EVENT_TYPES
from events.asyncapi import committed_document
from events.asyncapi.__main__ import current, faults
from events.asyncapi.words import read_words
from events.schemas import short_name
from events.topics import read_declaration
from gateway.kpi.hearing import TOPIC as HEARD_BY_GATEWAY
from metrics.consuming import HEARTBEATS
from metrics.consuming import TOPICS as READ_BY_METRICS
from ops.app import TOPICS as READ_BY_OPS
from pipeline.handlers import TOPICS as READ_BY_PIPELINE

OFFICIAL = Path(__file__).parent / "asyncapi" / "asyncapi-3.0.0.schema.json"
TOPICS = read_declaration(Path(__file__).parents[2] / "deploy/kafka/topics.yaml").topics
DOCUMENT: dict[str, Any] = json.loads(committed_document())


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for part in node.values():
            yield from references(part)
    elif isinstance(node, list):
        for part in node:
            yield from references(part)


def resolved(reference: str) -> Any:
    node: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    return node


def test_the_document_is_what_the_classes_say() -> None:
    assert faults() == []
    assert committed_document() == current(), "run: python -m events.asyncapi write"


def test_the_official_schema_of_asyncapi_3_allows_it() -> None:
    official = Draft7Validator(json.loads(OFFICIAL.read_bytes()))

    assert [error.message[:200] for error in official.iter_errors(DOCUMENT)] == []


def test_the_official_schema_would_tell() -> None:
    official = Draft7Validator(json.loads(OFFICIAL.read_bytes()))

    assert not official.is_valid({**DOCUMENT, "channels": {"deal": {"adress": "deal"}}})


def test_every_reference_leads_somewhere_and_every_message_is_on_a_channel() -> None:
    for reference in set(references(DOCUMENT)):
        assert resolved(reference), reference

    on_channels = set(references(DOCUMENT["channels"]))
    for name in DOCUMENT["components"]["messages"]:
        assert f"#/components/messages/{name}" in on_channels, name


@pytest.mark.parametrize("wire_type", EVENT_TYPES)
def test_every_type_is_told_of_in_both_languages_with_examples(wire_type: str) -> None:
    message = DOCUMENT["components"]["messages"][short_name(wire_type)]
    assert message["name"] == wire_type
    assert message["summary"]
    assert message["x-title-zh"]
    assert message["examples"]

    payload = Draft7Validator({**DOCUMENT, **message["payload"]})
    headers = Draft7Validator(DOCUMENT["components"]["schemas"]["ce_headers"])
    for example in message["examples"]:
        payload.validate(example["payload"])
        headers.validate(example["headers"])


def test_partners_examples_are_allowed_over_http() -> None:
    message = DOCUMENT["components"]["messages"]["partner_event"]
    body = Draft7Validator({**DOCUMENT, **message["payload"]})
    for example in message["examples"]:
        body.validate(example["payload"])

    wrong = {**message["examples"][0]["payload"], "data": {"user_id": 7}}
    assert not body.is_valid(wrong)


def test_topics_are_described_as_they_are_declared() -> None:
    for name, topic in TOPICS.items():
        channel = DOCUMENT["channels"][name]
        assert channel["bindings"]["kafka"]["partitions"] == topic.partitions
        assert (channel["x-key"], channel["x-owner"]) == (topic.key, topic.owner)
        assert (f"{name}-dlq" in DOCUMENT["channels"]) == topic.dlq


def test_readers_are_those_that_read() -> None:
    read = {
        "metrics": {*READ_BY_METRICS, HEARTBEATS},
        "pipeline": {*READ_BY_PIPELINE},
        "ops": {*READ_BY_OPS},
        "gateway": {HEARD_BY_GATEWAY},
    }
    told = read_words().readers

    assert {
        name: {topic for topic, readers in told.items() if name in readers} for name in read
    } == read
