"""The AsyncAPI 3 document: which event travels where, under which key, and what it holds."""

from __future__ import annotations

import inspect
from importlib.metadata import version
from typing import Any, Final

import msgspec

from events.asyncapi.channels import KAFKA_BINDING, channels_of
from events.asyncapi.messages import (
    envelope,
    examples_of,
    headers,
    partner_message,
    payload_of,
    structured,
)
from events.asyncapi.words import Words
from events.cloudevents.envelope import CONTENT_TYPE
from events.schemas import short_name
from events.topics import Declaration
from events.types import EVENT_TYPES, EventData

Node = dict[str, Any]

HTTP_BINDING: Final = "0.3.0"


def document(declaration: Declaration, words: Words) -> Node:
    """The whole document."""
    schemas = _schemas(words)
    return {
        "asyncapi": "3.0.0",
        "id": "urn:com:tandem:events",
        "info": {
            "title": words.title.en,
            "version": version("tandem-events"),
            "description": words.description.en,
            "x-title-zh": words.title.zh,
            "x-description-zh": words.description.zh,
        },
        "defaultContentType": "application/json",
        "servers": _servers(words),
        "channels": channels_of(declaration, words),
        "operations": _operations(declaration, words),
        "components": {
            "messages": _messages(words),
            "messageTraits": {
                "cloudEvent": {"headers": {"$ref": "#/components/schemas/ce_headers"}}
            },
            "schemas": {
                "ce_headers": headers(),
                "ce_event": envelope(words, on_the_log=True),
                "ce_partner_event": envelope(words, on_the_log=False),
                **schemas,
            },
        },
    }


def field_names() -> set[str]:
    """The names of all fields of all types."""
    found: set[str] = set()
    for schema in _components().values():
        found |= schema.get("properties", {}).keys()
    return found


def _servers(words: Words) -> Node:
    return {
        "log": {
            "host": "{broker}",
            "protocol": "kafka",
            "title": "Event log",
            "description": words.servers["log"].en,
            "x-description-zh": words.servers["log"].zh,
            "variables": {"broker": {"default": "localhost:9092", "description": "EVENT_LOG"}},
        },
        "gateway": {
            "host": "{gateway}",
            "protocol": "http",
            "title": "Front door",
            "description": words.servers["gateway"].en,
            "x-description-zh": words.servers["gateway"].zh,
            "variables": {"gateway": {"default": "localhost:8080"}},
        },
    }


def _operations(declaration: Declaration, words: Words) -> Node:
    """Who sends and who receives. Of the system as a whole: it sends what its services publish."""
    operations: Node = {}
    for name, topic in declaration.topics.items():
        by = "every service" if name == "heartbeat" else topic.owner
        operations[f"publish_{name}"] = _operation("send", name, title=f"{by} publishes", by=[by])
        readers = words.readers[name]
        operations[f"read_{name}"] = _operation(
            "receive", name, title=f"{', '.join(readers)} read", by=readers
        )
        if topic.dlq:
            dlq = f"{name}-dlq"
            operations[f"put_aside_{name}"] = _operation(
                "send", dlq, title="consumers put aside", by=readers
            )
    for name, action, title in (
        ("partner_http", "receive", "partners send over HTTP"),
        ("partner_topic", "receive", "partners publish"),
        ("partner_rejects", "send", "partners are told"),
    ):
        operations[name] = _operation(action, name, title=title, by=["gateway"])
    operations["partner_http"]["bindings"] = {
        "http": {"method": "POST", "bindingVersion": HTTP_BINDING}
    }
    return operations


def _operation(action: str, channel: str, *, title: str, by: list[str]) -> Node:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "title": title[:1].upper() + title[1:],
        "x-by": by,
    }


def _messages(words: Words) -> Node:
    messages = {short_name(cls.wire_type): _message(cls, words) for cls in EVENT_TYPES.values()}
    return {**messages, "partner_event": partner_message(words)}


def _message(cls: type[EventData], words: Words) -> Node:
    title, sentence = words.events[short_name(cls.wire_type).rpartition(".v")[0]]
    summary, _, rest = (inspect.getdoc(cls) or "").partition("\n\n")
    return {
        "name": cls.wire_type,
        "title": cls.__name__,
        "summary": summary.replace("\n", " "),
        **({"description": rest} if rest else {}),
        "x-title-zh": title,
        "x-summary-zh": sentence,
        "x-from-partners": cls.from_partners,
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "contentType": CONTENT_TYPE,
        "payload": payload_of(cls),
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": KAFKA_BINDING}},
        "examples": examples_of(cls),
    }


def _components() -> Node:
    _, components = msgspec.json.schema_components(
        EVENT_TYPES.values(), ref_template="#/components/schemas/{name}"
    )
    return components


def _schemas(words: Words) -> Node:
    schemas = _components()
    for schema in schemas.values():
        if "properties" in schema:
            schema["additionalProperties"] = False
            for name, node in schema["properties"].items():
                schema["properties"][name] = _field(node, words.fields[name])
    return schemas | {"partner_event": structured()}


def _field(node: Node, label: str) -> Node:
    """Beside a reference nothing may stand in AsyncAPI's schemas, hence `allOf`."""
    if "$ref" in node:
        rest = {name: value for name, value in node.items() if name != "$ref"}
        return {"allOf": [{"$ref": node["$ref"]}], **rest, "x-label-zh": label}
    return {**node, "x-label-zh": label}
