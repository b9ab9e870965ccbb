"""Merging the services' OpenAPI documents into one. Pure functions.

Invariant: the result describes exactly the routes of the table that the
services describe, and the gateway's own; every `$ref` in it resolves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from gateway.routes import ProxiedRoute

Document = dict[str, Any]

_COMPONENT: Final = re.compile(r"#/components/(\w+)/([^/]+)")
_SHARED: Final = frozenset({"Problem", "FieldFault"})
"""Components that the chassis gives to all services alike: kept once, without a prefix."""
_SECURITY_SCHEME: Final = "bearer"


def merge(
    base: Document, services: Mapping[str, Document], table: Iterable[ProxiedRoute]
) -> Document:
    """The base document (the gateway's own routes) with those of the table added."""
    merged: Document = {
        "openapi": "3.1.0",
        "info": base["info"],
        "servers": [{"url": "/"}],
        "security": [{_SECURITY_SCHEME: []}],
        "tags": [],
        "paths": {},
        "components": {"schemas": {}, "securitySchemes": {_SECURITY_SCHEME: _BEARER}},
    }
    public = [path for path, item in base["paths"].items() if path.startswith("/v1/")]
    _add(
        merged,
        "gateway",
        base,
        {(path, method) for path in public for method in base["paths"][path]},
    )
    wanted = list(table)
    for service, document in services.items():
        lines = {(r.path, r.method.lower()) for r in wanted if r.service == service}
        _add(merged, service, document, lines)
    merged["paths"] = dict(sorted(merged["paths"].items()))
    merged["tags"] = [{"name": name} for name in sorted(_tags(merged["paths"]))]
    return merged


_BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "A token of the company's issuer.",
}


def _add(merged: Document, service: str, document: Document, wanted: set[tuple[str, str]]) -> None:
    used: set[tuple[str, str]] = set()
    described = {(_shape(p), m): (p, m) for p, item in document["paths"].items() for m in item}
    for path, method in sorted(wanted):
        found = described.get((_shape(path), method))
        if found is None:
            continue
        operation = _rename(document["paths"][found[0]][method], service, used)
        operation["operationId"] = _operation_id(service, method, path)
        operation.pop("security", None)
        merged["paths"].setdefault(found[0], {})[method] = operation
    _add_components(merged, service, document, used)


def _add_components(
    merged: Document, service: str, document: Document, used: set[tuple[str, str]]
) -> None:
    """Copy what the operations refer to, and what that refers to."""
    done: set[tuple[str, str]] = set()
    while used - done:
        kind, name = (used - done).pop()
        done.add((kind, name))
        source = document.get("components", {}).get(kind, {})
        if name in source:
            target = merged["components"].setdefault(kind, {})
            target[_prefixed(service, name)] = _rename(source[name], service, used)


def _rename(node: Any, service: str, used: set[tuple[str, str]]) -> Any:
    """A copy of the node whose references carry the service's prefix; notes what they name."""
    if isinstance(node, list):
        return [_rename(item, service, used) for item in node]
    if not isinstance(node, dict):
        return node
    copy: Document = {}
    for key, value in node.items():
        # FastAPI writes OpenAPI 3.2's itemSchema into 3.1 documents, which linters refuse.
        if key == "itemSchema":
            continue
        found = _COMPONENT.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            copy[key] = _rename(value, service, used)
        else:
            used.add((found[1], found[2]))
            copy[key] = f"#/components/{found[1]}/{_prefixed(service, found[2])}"
    return copy


def _prefixed(service: str, name: str) -> str:
    return name if name in _SHARED else f"{service}.{name}"


def _shape(path: str) -> str:
    """The path without the names of its parameters: services may call an id as they like."""
    return re.sub(r"\{\w+\}", "{}", path)


def _operation_id(service: str, method: str, path: str) -> str:
    words = re.sub(r"[^a-zA-Z0-9]+", "_", path.removeprefix("/v1/")).strip("_")
    return f"{service}_{method}_{words}"


def _tags(paths: Mapping[str, Mapping[str, Document]]) -> set[str]:
    return {
        tag
        for item in paths.values()
        for operation in item.values()
        for tag in operation.get("tags", ())
    }
