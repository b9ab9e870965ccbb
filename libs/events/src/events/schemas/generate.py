"""JSON Schemas of all event types, generated from the classes and committed.

They are closed: a producer may write only what they name. Consumers read tolerantly.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, Final

import msgspec

from events.types import EVENT_TYPES, EventData

PACKAGE_FOLDER: Final = Path(__file__).parents[3]
SCHEMAS_FOLDER: Final = PACKAGE_FOLDER / "schemas"
EXAMPLES_FOLDER: Final = PACKAGE_FOLDER / "examples"


def short_name(wire_type: str) -> str:
    """`deal.won.v1` for `com.tandem.pipeline.deal.won.v1`."""
    return wire_type.split(".", 3)[3]


def schema_path(cls: type[EventData]) -> Path:
    """Where the schema of a type is committed, relative to the folder of schemas."""
    return Path(cls.topic) / f"{short_name(cls.wire_type)}.schema.json"


def schema_of(cls: type[EventData]) -> dict[str, Any]:
    """The closed JSON Schema (2020-12) of a type's data."""
    _, components = msgspec.json.schema_components([cls], ref_template="#/$defs/{name}")
    for component in components.values():
        _close(component)
    own = components.pop(cls.__name__)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{cls.wire_type}",
        "title": cls.__name__,
        "description": inspect.getdoc(cls),
        "x-cloudevents-type": cls.wire_type,
        "x-topic": cls.topic,
        "x-from-partners": cls.from_partners,
        **{name: value for name, value in own.items() if name not in {"title", "description"}},
        "$defs": components,
    }


def _close(node: Any) -> None:
    if isinstance(node, dict):
        if "properties" in node:
            node["additionalProperties"] = False
        for value in node.values():
            _close(value)
    elif isinstance(node, list):
        for value in node:
            _close(value)


def documents() -> dict[Path, bytes]:
    """Every schema file, by its path within the folder of schemas."""
    return {
        schema_path(cls): msgspec.json.format(msgspec.json.encode(schema_of(cls)), indent=2) + b"\n"
        for cls in EVENT_TYPES.values()
    }


def outdated(folder: Path = SCHEMAS_FOLDER) -> list[str]:
    """What differs between the committed schemas and the classes; one sentence each."""
    wanted = documents()
    found = {path.relative_to(folder) for path in folder.rglob("*.schema.json")}
    sentences = [f"{path} belongs to no event type" for path in sorted(found - wanted.keys())]
    for path, content in sorted(wanted.items()):
        if path not in found:
            sentences.append(f"{path} is missing")
        elif (folder / path).read_bytes() != content:
            sentences.append(f"{path} is not what the class says")
    return sentences


def write(folder: Path = SCHEMAS_FOLDER) -> None:
    """Bring the committed schemas up to the classes."""
    for path, content in documents().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    for path in folder.rglob("*.schema.json"):
        if path.relative_to(folder) not in documents():
            path.unlink()
