"""Parts of the AsyncAPI document about messages: the CloudEvents envelope, and examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from events.asyncapi.words import Both, Words
from events.schemas import EXAMPLES_FOLDER, short_name
from events.types import EVENT_TYPES, EventData

Node = dict[str, Any]

_GIVEN_BY_US = frozenset(("sequence", "recordedtime"))
"""A partner does not send them; the gateway gives them."""


def headers(words: Words) -> Node:
    """The headers of a record in binary mode."""
    properties: Node = {"ce_specversion": {"type": "string", "const": "1.0"}}
    for name, said in words.attributes.items():
        properties[f"ce_{name}"] = _attribute(said)
    properties["content-type"] = {"type": "string", "const": "application/json"}
    properties["traceparent"] = {"type": "string", "description": "W3C trace context"}
    required = [name for name in properties if name != "traceparent"]
    return {"type": "object", "properties": properties, "required": required}


def _attribute(said: Both) -> Node:
    return {"type": "string", "description": said.en, "x-label-zh": said.zh}


def envelope(words: Words) -> Node:
    """What a partner's event in structured mode has besides its data."""
    properties: Node = {"specversion": {"type": "string", "const": "1.0"}}
    for name, said in words.attributes.items():
        if name not in _GIVEN_BY_US:
            properties[name] = _attribute(said)
    properties["datacontenttype"] = {"type": "string", "const": "application/json"}
    properties["traceparent"] = {"type": "string", "description": "W3C trace context"}
    return {
        "type": "object",
        "properties": {**properties, "data": {"type": "object"}},
        "required": ["specversion", "id", "source", "type", "time", "data"],
    }


def structured() -> Node:
    """An event of a partner as one JSON object: the envelope, and the data that its type wants."""
    kinds = [
        {
            "properties": {
                "type": {"const": cls.wire_type},
                "data": {"$ref": f"#/components/schemas/{cls.__name__}"},
            }
        }
        for cls in EVENT_TYPES.values()
        if cls.from_partners
    ]
    return {"allOf": [{"$ref": "#/components/schemas/ce_envelope"}, {"oneOf": kinds}]}


def partner_message(words: Words) -> Node:
    """What is sent to POST /v1/events."""
    said = words.partners["partner_event"]
    return {
        "name": "partner_event",
        "title": said.title.en,
        "summary": said.text.en,
        "x-title-zh": said.title.zh,
        "x-summary-zh": said.text.zh,
        "contentType": "application/cloudevents+json",
        "payload": {"$ref": "#/components/schemas/partner_event"},
        "examples": [
            {"name": path.stem, "payload": _read(path)}
            for path in sorted((EXAMPLES_FOLDER / "partner").glob("*.json"))
            if path.stem in {"order.paid.v1", "deal.won.v1", "activity.recorded.v1"}
        ],
    }


def examples_of(cls: type[EventData]) -> list[Node]:
    """The examples of a type in binary mode: our own, and a partner's if only they send it."""
    name = short_name(cls.wire_type)
    folder = EXAMPLES_FOLDER / cls.topic
    return [
        _example(path)
        for path in sorted([*folder.glob(f"{name}.json"), *folder.glob(f"{name}.*.json")])
    ]


def _example(path: Path) -> Node:
    example = _read(path)
    told = {"sequence": "000000000001", "recordedtime": example["time"], **example}
    told.setdefault("subject", "the subject of what it voids")
    names = ("specversion", "id", "source", "type", "subject", "time", "sequence", "recordedtime")
    shown = {f"ce_{name}": told[name] for name in names}
    return {
        "name": path.stem,
        "headers": {**shown, "content-type": "application/json"},
        "payload": example["data"],
    }


def _read(path: Path) -> Any:
    return msgspec.json.decode(path.read_bytes())
