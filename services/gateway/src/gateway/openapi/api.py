"""GET /v1/openapi.json and the page that shows it."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated, Final

from fastapi import APIRouter, Header, Request, Response

from chassis.auth import public
from gateway.parts import parts_of

_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_ASSETS: Final = {
    "/docs": ("page.html", "text/html; charset=utf-8"),
    "/docs/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/docs/page.css": ("page.css", "text/css; charset=utf-8"),
}

router = APIRouter(include_in_schema=False, dependencies=[public()])


@router.get("/v1/openapi.json")
async def read_document(
    request: Request, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    document = parts_of(request).document
    headers = {"ETag": document.etag, "Cache-Control": "no-cache"}
    if if_none_match == document.etag:
        return Response(status_code=304, headers=headers)
    return Response(document.body, media_type="application/json", headers=headers)


def _asset(name: str, media_type: str) -> None:
    content = files("gateway.openapi").joinpath(name).read_bytes()

    async def serve() -> Response:
        headers = {"Content-Security-Policy": _PAGE_POLICY, "Cache-Control": "no-cache"}
        return Response(content, media_type=media_type, headers=headers)

    path = next(path for path, (file, _) in _ASSETS.items() if file == name)
    router.add_api_route(path, serve, methods=["GET"], name=name)


for _name, _media_type in _ASSETS.values():
    _asset(_name, _media_type)
