"""Passing a request through to the service that owns its path.

Invariant: only headers on the two lists below cross the gateway, in either
direction. Whoever the caller claims to be in any other header, a service sees
the token alone.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response

from chassis import tracing
from chassis.auth import require
from chassis.errors import NotFound
from chassis.routes import any_query
from gateway.parts import parts_of
from gateway.proxy.transport import Answer, Call
from gateway.ratelimit import count_request
from gateway.routes import ProxiedRoute

_TO_SERVICE: Final = frozenset(
    {
        b"authorization",
        b"accept",
        b"accept-language",
        b"content-type",
        b"idempotency-key",
        b"if-match",
        b"if-none-match",
        b"tracestate",
    }
)
_TO_CALLER: Final = frozenset(
    {
        b"allow",
        b"cache-control",
        b"content-disposition",
        b"content-language",
        b"content-type",
        b"deprecation",
        b"etag",
        b"last-modified",
        b"link",
        b"location",
        b"retry-after",
        b"sunset",
        b"tandem-lag-seconds",
        b"tandem-watermark",
        b"www-authenticate",
    }
)
IMPORT_PATIENCE: Final = 3
"""An import of 500 rows may take this many times as long as another call."""

_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


class NoSuchResource(NotFound):
    """The path names something that cannot be an id of anything."""

    title = "not found"


def router_of(table: Iterable[ProxiedRoute]) -> APIRouter:
    """One route for each line of the table, with its permission declared."""
    router = APIRouter(
        include_in_schema=False, dependencies=[Depends(any_query), Depends(count_request)]
    )
    for route in table:
        router.add_api_route(
            route.path,
            _endpoint(route),
            methods=[route.method],
            dependencies=[require(permission) for permission in route.permissions],
            name=f"{route.service} {route.method} {route.path}",
        )
    return router


def _endpoint(route: ProxiedRoute) -> Callable[[Request], Awaitable[Response]]:
    patience = IMPORT_PATIENCE if route.is_import else 1

    async def forward(request: Request) -> Response:
        upstream = parts_of(request).upstreams[route.service]
        target = target_of(route.path, request.path_params, request.scope["query_string"])
        call = Call(
            method=route.method,
            target=target,
            headers=headers_to_service(request.headers.raw),
            body=await request.body(),
        )
        return to_response(await upstream.call(call, seconds=upstream.deadline_seconds * patience))

    return forward


def target_of(template: str, path_parameters: Mapping[str, str], query: bytes) -> bytes:
    """The template with its ids filled in, encoded anew, and the query as it came.

    Raises NoSuchResource for an id that would lead to another path.
    """

    def fill(found: re.Match[str]) -> str:
        value = path_parameters[found[1]]
        if not value.strip("."):
            raise NoSuchResource(f"{found[1]} is not an id", hint="look the id up in a list")
        return quote(value, safe="")

    path = _PLACEHOLDER.sub(fill, template).encode()
    return path + b"?" + query if query else path


def headers_to_service(raw: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """What a service is told of the caller's headers, with this hop's trace."""
    kept = [(name, value) for name, value in raw if name in _TO_SERVICE]
    return [*kept, (b"traceparent", tracing.current().traceparent.encode())]


def to_response(answer: Answer) -> Response:
    """The service's answer as ours; it belongs to this caller alone."""
    response = Response(content=answer.body, status_code=answer.status)
    kept = [
        (name, value)
        for name, value in answer.headers
        if name in _TO_CALLER and _is_ours(name, value)
    ]
    names = {name for name, _ in kept}
    if b"cache-control" not in names:
        kept.append((b"cache-control", b"private, no-cache"))
    response.raw_headers = [*response.raw_headers, *kept, (b"vary", b"Authorization")]
    return response


def _is_ours(name: bytes, value: bytes) -> bool:
    # An absolute address would tell where the service stands behind the gateway.
    return name != b"location" or value.startswith(b"/")
