"""/v1/parked over all services that put events aside: one list, ids that carry the service.

`metrics:17` is event 17 of the service metrics. A service that does not answer
is named in `missing`; the others' events are listed all the same.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, JsonValue

from chassis.auth import require
from chassis.errors import Invalid, NotFound, Refusal
from chassis.types import Code, Id, Instant, Text
from gateway.parts import parts_of
from gateway.proxy.forward import headers_to_service, to_response
from gateway.proxy.transport import Answer, Call
from gateway.ratelimit import count_request

SERVICES: Final = ("metrics", "ops", "pipeline")
"""Services that consume events, and therefore park them."""

router = APIRouter(prefix="/v1/parked", tags=["parked"], dependencies=[Depends(count_request)])


class CursorNotOurs(Invalid):
    """The cursor is not one that this list gave."""

    title = "cursor not readable"


class NotParked(NotFound):
    """The id names no service that parks events."""

    title = "parked event not found"


class NoSuchService(Invalid):
    """No service of this name consumes events."""

    title = "no such service"


ServiceQuery = Annotated[Code, Query(description="the service whose parked events are meant")]


@dataclass(frozen=True, slots=True)
class AskedPage:
    """Which services are asked, each from where its last page ended."""

    limit: Mapping[str, str]
    positions: Mapping[str, str | None]


async def _asked_page(
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=4000)] = None,
    service: Annotated[Code | None, Query(description="of this service only")] = None,
) -> AskedPage:
    if service is not None and service not in SERVICES:
        raise NoSuchService(
            f"{service} parks no events", field="query.service", hint=f"use {', '.join(SERVICES)}"
        )
    positions = _cursors(cursor) if cursor else dict.fromkeys(SERVICES)
    if service is not None:
        positions = {service: positions.get(service)}
    return AskedPage({"limit": str(limit)}, positions)


PageDep = Annotated[AskedPage, Depends(_asked_page)]


class MissingService(BaseModel):
    """A service whose part of the list is missing, and why."""

    service: str
    reason: str


class ParkedPage(BaseModel):
    """Parked events of all services; `service` and `id` (`metrics:17`) say whose each is."""

    items: list[dict[str, JsonValue]]
    next_cursor: str | None = None
    partial: bool = False
    missing: list[MissingService] = []


@router.get("", dependencies=[require("parked:read")])
async def list_parked(
    request: Request,
    page: PageDep,
    topic: Code | None = None,
    *,
    reason: Code | None = None,
    subject: Id | None = None,
    source: Text | None = None,
    consumer: Code | None = None,
    type: Text | None = None,  # noqa: A002 - the CloudEvents name
    parked_before: Instant | None = None,
) -> ParkedPage:
    """Events that were put aside, service by service, oldest first. `limit` is for each service."""
    filters = {
        "topic": topic,
        "reason": reason,
        "subject": subject,
        "source": source,
        "consumer": consumer,
        "type": type,
        "parked_before": None if parked_before is None else parked_before.isoformat(),
    }
    given = {name: value for name, value in filters.items() if value is not None}
    return await _list(request, "/v1/parked", page, given, name="id")


@router.get("/audit", dependencies=[require("parked:read")])
async def list_audit(request: Request, page: PageDep) -> ParkedPage:
    """Who decided what about parked events, when and why, service by service."""
    return await _list(request, "/v1/parked/audit", page, {}, name="parked_id")


@router.get("/stopped", dependencies=[require("parked:read")])
async def list_stopped(request: Request) -> ParkedPage:
    """Partitions that stand still because too much was rejected, of all services."""
    return await _list(request, "/v1/parked/stopped", AskedPage({}, dict.fromkeys(SERVICES)), {})


@router.post("/stopped/resume", dependencies=[require("parked:manage")])
async def resume(request: Request, service: ServiceQuery) -> Response:
    """Let a stopped partition of a service go on."""
    return await _pass_on(request, service, "/stopped/resume")


@router.post("/release", dependencies=[require("parked:manage")])
async def release_many(request: Request, service: ServiceQuery) -> Response:
    """Ask that all of a service that match be applied, in order; `dry_run` only counts."""
    return await _pass_on(request, service, "/release")


@router.post("/discard", dependencies=[require("parked:manage")])
async def discard_many(request: Request, service: ServiceQuery) -> Response:
    """Ask that all of a service that match be dropped for good; `dry_run` only counts."""
    return await _pass_on(request, service, "/discard")


@router.get("/{parked_id}", dependencies=[require("parked:read")])
async def show_parked(parked_id: str, request: Request) -> Response:
    """One event with its content as it came."""
    return await _forward(request, parked_id, "")


@router.get("/{parked_id}/audit", dependencies=[require("parked:read")])
async def list_audit_of(parked_id: str, request: Request, page: PageDep) -> ParkedPage:
    """The decisions about one event; they stay when it is gone."""
    service, local = _split(parked_id)
    asked = AskedPage(page.limit, {service: page.positions.get(service)})
    return await _list(request, f"/v1/parked/{local}/audit", asked, {}, name="parked_id")


@router.post("/{parked_id}/release", dependencies=[require("parked:manage")])
async def release_parked(parked_id: str, request: Request) -> Response:
    """Ask that it be applied; if it is still broken, it parks again."""
    return await _forward(request, parked_id, "/release")


@router.post("/{parked_id}/discard", dependencies=[require("parked:manage")])
async def discard_parked(parked_id: str, request: Request) -> Response:
    """Ask that it be dropped for good."""
    return await _forward(request, parked_id, "/discard")


async def _list(
    request: Request,
    path: str,
    asked: AskedPage,
    filters: Mapping[str, str],
    *,
    name: str | None = None,
) -> ParkedPage:
    """The services' lists in one; the member `name` of an item gets its service's prefix."""
    parts = await asyncio.gather(
        *(
            _list_one(request, service, path, {**filters, **asked.limit, **_as_query(position)})
            for service, position in asked.positions.items()
        )
    )
    page = ParkedPage(items=[])
    further: dict[str, str] = {}
    for service, part in zip(asked.positions, parts, strict=True):
        if isinstance(part, str):
            page.missing.append(MissingService(service=service, reason=part))
            continue
        page.items += [
            {**item, "service": service}
            | ({name: f"{service}:{item[name]}"} if name is not None else {})
            for item in part["items"]
        ]
        if part.get("next_cursor"):
            further[service] = part["next_cursor"]
    page.next_cursor = _cursor_of(further) if further else None
    page.partial = bool(page.missing)
    return page


async def _list_one(
    request: Request, service: str, path: str, query: Mapping[str, str]
) -> dict[str, Any] | str:
    """The service's page, or why there is none."""
    call = Call(
        method="GET",
        target=f"{path}?{urlencode(query)}".encode(),
        headers=headers_to_service(request.headers.raw),
    )
    try:
        answer = await parts_of(request).upstreams[service].call(call)
    except Refusal as refusal:
        return refusal.detail
    if answer.status != 200:
        return f"the service {service} answered {answer.status}"
    return msgspec.json.decode(answer.body, type=dict[str, Any])


async def _forward(request: Request, parked_id: str, act: str) -> Response:
    service, local = _split(parked_id)
    answer = await _ask(request, service, f"/{local}{act}")
    return to_response(_with_service(answer, service))


async def _pass_on(request: Request, service: str, act: str) -> Response:
    if service not in SERVICES:
        raise NoSuchService(
            f"{service} parks no events", field="query.service", hint=f"use {', '.join(SERVICES)}"
        )
    return to_response(await _ask(request, service, act))


async def _ask(request: Request, service: str, path: str) -> Answer:
    call = Call(
        method=request.method,
        target=f"/v1/parked{path}".encode(),
        headers=headers_to_service(request.headers.raw),
        body=await request.body(),
    )
    return await parts_of(request).upstreams[service].call(call)


def _split(parked_id: str) -> tuple[str, str]:
    service, _, local = parked_id.partition(":")
    if service not in SERVICES or not (local.isascii() and local.isdecimal()):
        raise NotParked(
            "no event is parked under this id",
            hint=f"take the id from /v1/parked, as {SERVICES[0]}:17",
        )
    return service, local


def _with_service(answer: Answer, service: str) -> Answer:
    """The event under the id that it has here."""
    if not 200 <= answer.status < 300:
        return answer
    event = msgspec.json.decode(answer.body, type=dict[str, Any])
    named = {**event, "service": service, "id": f"{service}:{event['id']}"}
    return Answer(status=answer.status, headers=answer.headers, body=msgspec.json.encode(named))


def _as_query(position: str | None) -> dict[str, str]:
    return {"cursor": position} if position else {}


def _cursor_of(further: Mapping[str, str]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(further)).decode().rstrip("=")


def _cursors(cursor: str) -> dict[str, str | None]:
    """The services' own cursors inside ours; each service checks that its own is genuine."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        found = msgspec.json.decode(raw, type=dict[str, str])
    except (binascii.Error, ValueError, msgspec.DecodeError):
        found = {}
    if not found or not found.keys() <= set(SERVICES):
        raise CursorNotOurs(
            "the cursor is not one of this list",
            field="query.cursor",
            hint="start without a cursor",
        )
    return dict(found)
