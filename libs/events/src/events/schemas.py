"""JSON Schemas of all event types, generated from the classes and committed.

They are closed: a producer may write only what they name. Consumers read
tolerantly, so a later version may add optional fields, and nothing else:
`breaking_changes` says what else was changed.
"""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from events.types import EVENT_TYPES, EventData

PACKAGE_FOLDER: Final = Path(__file__).parents[2]
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


def breaking_changes(released: dict[str, Any], present: dict[str, Any]) -> list[str]:
    """What old readers of new events, or new readers of old events, would stumble over.

    Only one change is compatible with both, whatever versions lie between: to add
    an optional field.
    """
    return list(_breaks("", released, present, roots=(released, present)))


def _breaks(path: str, old: Any, new: Any, *, roots: tuple[Any, Any]) -> Iterator[str]:
    old, new = _resolved(old, roots[0]), _resolved(new, roots[1])
    if not isinstance(old, dict) or not isinstance(new, dict):
        if old != new:
            yield f"{path}: {old!r} became {new!r}"
        return
    if old.get("properties") is not None and new.get("properties") is not None:
        yield from _object_breaks(path, old, new, roots=roots)
        return
    for name in sorted((old.keys() | new.keys()) - {"description", "title", "default", "$defs"}):
        if name not in old or name not in new:
            yield f"{path}: {name} was {'added' if name in new else 'removed'}"
        elif name in {"anyOf", "oneOf"} and len(old[name]) == len(new[name]):
            for a, b in zip(old[name], new[name], strict=True):
                yield from _breaks(path, a, b, roots=roots)
        else:
            yield from _breaks(f"{path}/{name}", old[name], new[name], roots=roots)


def _object_breaks(path: str, old: Any, new: Any, *, roots: tuple[Any, Any]) -> Iterator[str]:
    before, after = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(before ^ after):
        yield f"{path}/{name}: became {'required' if name in after else 'optional'}"
    for name, value in old["properties"].items():
        if name not in new["properties"]:
            yield f"{path}/{name}: was removed"
        else:
            yield from _breaks(f"{path}/{name}", value, new["properties"][name], roots=roots)


def _resolved(node: Any, root: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        node = root["$defs"][node["$ref"].rpartition("/")[2]]
    return node


def main() -> None:
    """Write the JSON Schemas of all event types, or check that they are current."""
    parser = argparse.ArgumentParser(prog="python -m events.schemas", description=main.__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="write libs/events/schemas")
    action.add_argument("--check", action="store_true", help="exit 1 if they are not current")
    if parser.parse_args().write:
        write()
        return
    sentences = outdated()
    if sentences:
        raise SystemExit("\n".join([*sentences, "run: python -m events.schemas --write"]))


if __name__ == "__main__":
    main()
