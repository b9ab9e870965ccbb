"""Replies with a strong tag: the body changes only when the figures do.

How current the figures are stands in headers, which a 304 carries too
(docs/decisions/0011).
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from fastapi import Request, Response
from pydantic import BaseModel

from chassis.resources import Resources


def reply(
    view: BaseModel, *, request: Request, resources: Resources, watermark: datetime | None
) -> Response:
    """The view as JSON, or 304 when the caller has exactly that."""
    body = view.__pydantic_serializer__.to_json(view, by_alias=True)
    return reply_json(body, request=request, resources=resources, watermark=watermark)


def reply_json(
    body: bytes, *, request: Request, resources: Resources, watermark: datetime | None
) -> Response:
    """The same of what is JSON already."""
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if watermark is not None:
        lag = max(0.0, (resources.clock.now() - watermark).total_seconds())
        headers["Tandem-Watermark"] = watermark.isoformat(timespec="milliseconds").replace(
            "+00:00", "Z"
        )
        headers["Tandem-Lag-Seconds"] = f"{lag:.1f}"
    if _is_known(tag, request.headers.get("if-none-match")):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _is_known(tag: str, if_none_match: str | None) -> bool:
    if if_none_match is None:
        return False
    given = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return tag in given or given == ["*"]
