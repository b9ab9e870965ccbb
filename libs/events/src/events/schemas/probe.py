"""A probe of a schema: the data that it allows in which every free text is the path of its field.

The subject of a class read from its probe tells from which fields the log's key is made.
"""

from __future__ import annotations

from typing import Any

import msgspec

from events.types import EventData


def key_of(cls: type[EventData], schema: dict[str, Any]) -> str:
    """How the subject is made: `deal.deal_id` for one field, else the parts as they are joined."""
    data = msgspec.convert(_probe(schema, "", schema), type=cls)
    try:
        return data.subject
    except TypeError as elsewhere:
        return str(elsewhere)


def _probe(node: dict[str, Any], path: str, root: dict[str, Any]) -> Any:
    while "$ref" in node:
        node = root["$defs"][node["$ref"].rpartition("/")[2]]
    kind = "enum" if "enum" in node else node.get("type")
    match kind:
        case "enum":
            found: Any = node["enum"][0]
        case "object":
            found = {
                name: _probe(part, f"{path}.{name}" if path else name, root)
                for name, part in node["properties"].items()
                if name in node.get("required", ())
            }
        case "array":
            found = []
        case "string":
            found = _text(node, path)
        case "integer":
            found = max(node.get("minimum", 0), node.get("exclusiveMinimum", -1) + 1)
        case "boolean":
            found = False
        case _:
            found = _probe(node["anyOf"][0], path, root) if "anyOf" in node else None
    return found


def _text(node: dict[str, Any], path: str) -> str:
    match node.get("format"):
        case "date":
            return "2001-02-03"
        case "date-time":
            return "2001-02-03T04:05:06Z"
    pattern = node.get("pattern", "")
    if "[A-Z]{3}" in pattern:
        return path.rpartition(".")[2][:3].upper()
    if "Q[1-4]" in pattern:
        return "2001-Q2"
    return "1.5" if pattern else path
