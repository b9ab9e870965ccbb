"""Parts of the AsyncAPI document about messages: the CloudEvents envelope, and examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from events.asyncapi.words import Both, Words
from events.cloudevents.envelope import CONTENT_TYPE
from events.schemas import EXAMPLES_FOLDER, short_name
from events.types import EVENT_TYPES, EventData

Node = dict[str, Any]

_GIVEN_BY_US = frozenset(("sequence", "recordedtime"))
"""A partner does not send them; the gateway gives them."""


def headers() -> Node:
    """The headers of a record as we write it: the value holds all else."""
    return {
        "type": "object",
        "properties": {"content-type": {"type": "string", "const": CONTENT_TYPE}},
        "required": ["content-type"],
    }


def _attribute(said: Both) -> Node:
    return {"type": "string", "description": said.en, "x-label-zh": said.zh}


def envelope(words: Words, *, on_the_log: bool) -> Node:
    """What an event has besides its data; a partner leaves out what the gateway gives."""
    properties: Node = {"specversion": {"type": "string", "const": "1.0"}}
    for name, said in words.attributes.items():
        if on_the_log or name not in _GIVEN_BY_US:
            properties[name] = _attribute(said)
    properties["datacontenttype"] = {"type": "string", "const": "application/json"}
    properties["traceparent"] = {"type": "string", "description": "W3C trace context"}
    given = ("subject", *sorted(_GIVEN_BY_US)) if on_the_log else ()
    return {
        "type": "object",
        "properties": {**properties, "data": {"type": "object"}},
        "required": ["specversion", "id", "source", "type", "time", "data", *given],
    }


def payload_of(cls: type[EventData]) -> Node:
    """An event of a type as it stands on the log: a CloudEvent in structured mode."""
    return {"allOf": [{"$ref": "#/components/schemas/ce_event"}, _part_of(cls)]}


def _part_of(cls: type[EventData]) -> Node:
    data = {"$ref": f"#/components/schemas/{cls.__name__}"}
    return {"properties": {"type": {"const": cls.wire_type}, "data": data}}


def structured() -> Node:
    """An event of a partner as one JSON object: the envelope, and the data that its type wants."""
    kinds = [_part_of(cls) for cls in EVENT_TYPES.values() if cls.from_partners]
    return {"allOf": [{"$ref": "#/components/schemas/ce_partner_event"}, {"oneOf": kinds}]}


def partner_message(words: Words) -> Node:
    """What is sent to POST /v1/events."""
    said = words.partners["partner_event"]
    return {
        "name": "partner_event",
        "title": said.title.en,
        "summary": said.text.en,
        "x-title-zh": said.title.zh,
        "x-summary-zh": said.text.zh,
        "contentType": CONTENT_TYPE,
        "payload": {"$ref": "#/components/schemas/partner_event"},
        "examples": [
            {"name": path.stem, "payload": _read(path)}
            for path in sorted((EXAMPLES_FOLDER / "partner").glob("*.json"))
            if path.stem in {"order.paid.v1", "deal.won.v1", "activity.recorded.v1"}
        ],
    }


def examples_of(cls: type[EventData]) -> list[Node]:
    """The examples of a type as they stand on the log."""
    name = short_name(cls.wire_type)
    folder = EXAMPLES_FOLDER / cls.topic
    return [
        _example(path)
        for path in sorted([*folder.glob(f"{name}.json"), *folder.glob(f"{name}.*.json")])
    ]


def _example(path: Path) -> Node:
    example = _read(path)
    given = {"subject": "NW-100483", "recordedtime": example["time"], "sequence": "000000000001"}
    return {
        "name": path.stem,
        "headers": {"content-type": CONTENT_TYPE},
        "payload": {**given, **example},
    }


def _read(path: Path) -> Any:
    return msgspec.json.decode(path.read_bytes())
