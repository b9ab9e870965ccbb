"""Channels of the AsyncAPI document: our topics with their dead letters, and partners' ways in."""

from __future__ import annotations

from typing import Any, Final

from events.asyncapi.words import Words, titled
from events.schemas import short_name
from events.topics import DeadLetterTopic, Declaration, Topic, partner_topic, rejects_topic
from events.types import EVENT_TYPES, EventData
from events.types.log import EventRejected, RecordParked

Node = dict[str, Any]

_ELSEWHERE: Final = (RecordParked, EventRejected)
"""Types that go to topics beside others, not to one of their own."""
KAFKA_BINDING: Final = "0.5.0"
_UNITS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000}


def channels_of(declaration: Declaration, words: Words) -> Node:
    channels: Node = {}
    for name, topic in declaration.topics.items():
        channels[name] = _topic(name, topic, words)
        if topic.dlq:
            channels[f"{name}-dlq"] = _dead_letters(name, declaration.dlq)
    return channels | _of_partners(words)


def _of_partners(words: Words) -> Node:
    parameters = {"partner": {"description": "name of the partner in topics.yaml"}}
    return {
        "partner_http": {
            "address": "/v1/events",
            **titled(words.partners["partner_http"]),
            "servers": [{"$ref": "#/servers/gateway"}],
            "messages": {"partner_event": {"$ref": "#/components/messages/partner_event"}},
        },
        "partner_topic": {
            "address": partner_topic("{partner}"),
            **titled(words.partners["partner_topic"]),
            "servers": [{"$ref": "#/servers/log"}],
            "parameters": parameters,
            "messages": _references([cls for cls in EVENT_TYPES.values() if cls.from_partners]),
        },
        "partner_rejects": {
            "address": rejects_topic("{partner}"),
            **titled(words.partners["partner_rejects"]),
            "servers": [{"$ref": "#/servers/log"}],
            "parameters": parameters,
            "messages": _references([EventRejected]),
        },
    }


def _topic(name: str, topic: Topic, words: Words) -> Node:
    kinds = [cls for cls in EVENT_TYPES.values() if _travels_on(cls, name)]
    return {
        "address": name,
        "title": f"Topic {name}",
        "description": topic.description,
        "x-title-zh": f"主题 {name}",
        "x-description-zh": words.topics[name],
        "servers": [{"$ref": "#/servers/log"}],
        "messages": _references(kinds),
        "bindings": {"kafka": _binding(topic.partitions, topic.retention)},
        "x-key": topic.key,
        "x-owner": topic.owner,
        "x-readers": words.readers[name],
        "x-retention": topic.retention,
        **({"x-dead-letters": f"{name}-dlq"} if topic.dlq else {}),
    }


def _travels_on(cls: type[EventData], topic: str) -> bool:
    """Partners' events go to the topic `partner`, whatever topic our own ones go to."""
    if issubclass(cls, _ELSEWHERE):
        return False
    return cls.topic == topic or (topic == "partner" and cls.from_partners)


def _dead_letters(topic: str, letters: DeadLetterTopic) -> Node:
    return {
        "address": f"{topic}-dlq",
        "title": f"Dead letters of {topic}",
        "description": f"What consumers had to put aside of {topic}, with its bytes.",
        "x-title-zh": f"主题 {topic} 的死信",
        "x-description-zh": "消费者搁置的记录及其内容。",
        "servers": [{"$ref": "#/servers/log"}],
        "messages": _references([RecordParked]),
        "bindings": {"kafka": _binding(letters.partitions, letters.retention)},
        "x-retention": letters.retention,
    }


def _binding(partitions: int, retention: str) -> Node:
    kept = -1 if retention == "forever" else int(retention[:-1]) * _UNITS[retention[-1]]
    configuration = {"cleanup.policy": ["delete"], "retention.ms": kept}
    return {
        "partitions": partitions,
        "topicConfiguration": configuration,
        "bindingVersion": KAFKA_BINDING,
    }


def _references(kinds: list[type[EventData]]) -> Node:
    return {
        short_name(cls.wire_type): {"$ref": f"#/components/messages/{short_name(cls.wire_type)}"}
        for cls in kinds
    }
