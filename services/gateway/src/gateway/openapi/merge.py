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
        "info": dict(base["info"]),
        "servers": [{"url": "/"}],
        "security": [{_SECURITY_SCHEME: []}],
        "tags": [],
        "paths": {},
        "components": {"schemas": {}, "securitySchemes": {_SECURITY_SCHEME: _BEARER}},
    }
    own = {
        (path, method)
        for path, item in base["paths"].items()
        if path.startswith("/v1/")
        for method in item
    }
    lines = list(table)
    _Described("gateway", base).add_to(merged, own)
    for service, document in sorted(services.items()):
        wanted = {(line.path, line.method.lower()) for line in lines if line.service == service}
        _Described(service, document).add_to(merged, wanted)
    merged["paths"] = dict(sorted(merged["paths"].items()))
    merged["tags"] = [{"name": name} for name in sorted(_tags(merged["paths"]))]
    return merged


_BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "A token of the company's issuer.",
}


class _Described:
    """A service's document on its way into the merged one."""

    def __init__(self, service: str, document: Document) -> None:
        self._service = service
        self._document = document
        self._used: set[tuple[str, str]] = set()

    def add_to(self, merged: Document, wanted: set[tuple[str, str]]) -> None:
        """Add the wanted operations, and the components that they refer to."""
        paths = self._document["paths"]
        described = {(_shape(p), m): (p, m) for p, item in paths.items() for m in item}
        for path, method in sorted(wanted):
            found = described.get((_shape(path), method))
            if found is None:
                continue
            operation = self._renamed(paths[found[0]][method])
            operation["operationId"] = _operation_id(self._service, method, path)
            operation.pop("security", None)
            merged["paths"].setdefault(found[0], {})[method] = operation
        self._add_components(merged["components"])

    def _add_components(self, target: Document) -> None:
        done: set[tuple[str, str]] = set()
        while missing := sorted(self._used - done):
            kind, name = missing[0]
            done.add((kind, name))
            source = self._document.get("components", {}).get(kind, {})
            if name in source:
                renamed = self._renamed(source[name])
                target.setdefault(kind, {})[_prefixed(self._service, name)] = renamed

    def _renamed(self, node: Any) -> Any:
        """A copy whose references carry the service's prefix; notes what they name."""
        if isinstance(node, list):
            return [self._renamed(item) for item in node]
        if isinstance(node, str):
            return self._reference(node)
        if not isinstance(node, dict):
            return node
        # FastAPI writes OpenAPI 3.2's itemSchema into 3.1 documents, which linters refuse.
        return {key: self._renamed(value) for key, value in node.items() if key != "itemSchema"}

    def _reference(self, text: str) -> str:
        found = _COMPONENT.fullmatch(text)
        if found is None:
            return text
        self._used.add((found[1], found[2]))
        return f"#/components/{found[1]}/{_prefixed(self._service, found[2])}"


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
