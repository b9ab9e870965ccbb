"""GET /v1/openapi.json and /v1/asyncapi.json, and the pages that show them."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated, Final

from fastapi import APIRouter, Header, Request, Response

from chassis.auth import public
from events.asyncapi import committed_document
from gateway.openapi.document import etag_of
from gateway.parts import parts_of

_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_ASSETS: Final = {
    "/docs": ("page.html", "text/html; charset=utf-8"),
    "/docs/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/docs/page.css": ("page.css", "text/css; charset=utf-8"),
    "/docs/events": ("events.html", "text/html; charset=utf-8"),
    "/docs/events.js": ("events.js", "text/javascript; charset=utf-8"),
}

_EVENTS: Final = committed_document()
_EVENTS_ETAG: Final = etag_of(_EVENTS)

router = APIRouter(include_in_schema=False, dependencies=[public()])


@router.get("/v1/openapi.json")
async def read_document(
    request: Request, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    document = parts_of(request).document
    return _unless_known(document.body, document.etag, if_none_match)


@router.get("/v1/asyncapi.json")
async def read_events_document(
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    return _unless_known(_EVENTS, _EVENTS_ETAG, if_none_match)


def _unless_known(body: bytes, etag: str, if_none_match: str | None) -> Response:
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if if_none_match == etag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _asset(name: str, media_type: str) -> None:
    content = files("gateway.openapi").joinpath(name).read_bytes()

    async def serve() -> Response:
        headers = {"Content-Security-Policy": _PAGE_POLICY, "Cache-Control": "no-cache"}
        return Response(content, media_type=media_type, headers=headers)

    path = next(path for path, (file, _) in _ASSETS.items() if file == name)
    router.add_api_route(path, serve, methods=["GET"], name=name)


for _name, _media_type in _ASSETS.values():
    _asset(_name, _media_type)
