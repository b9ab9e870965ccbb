"""GET /v1/customers/{id}/overview: a customer's whole view, from three services at once.

The customer is required; everything else degrades to a named gap. All of it has
one deadline: a slow service costs its own section, not the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field, JsonValue

from chassis.auth import require
from chassis.auth.actor import Actor
from chassis.errors import Refusal
from chassis.types import Id
from gateway.figures import Figures, figures_of
from gateway.parts import parts_of
from gateway.proxy.failures import ServiceUnreachable
from gateway.proxy.forward import headers_to_service, target_of, to_response
from gateway.proxy.transport import Answer, Call
from gateway.proxy.upstream import Upstream
from gateway.ratelimit import count_request

DEADLINE_SECONDS: Final = 2.0
_PAGE: Final = 200
_MOST_DEALS: Final = 1000

router = APIRouter(tags=["customers"], dependencies=[Depends(count_request)])


class Gap(BaseModel):
    """A section that could not be had, and why."""

    section: str
    reason: str


class Overview(BaseModel):
    """All that the house knows of a customer, as far as it could be had in time."""

    customer: dict[str, JsonValue]
    deals: list[JsonValue] | None = None
    projects: list[JsonValue] | None = None
    figures: Annotated[
        Figures | None, Field(description="counts and sums of the customer's deals")
    ] = None
    partial: bool = False
    missing: list[Gap] = []


class SectionMissing(Exception):
    """A section cannot be had; the message is the reason that the caller is told."""


@router.get("/v1/customers/{customer_id}/overview", response_model=Overview)
async def read_overview(
    customer_id: Id, request: Request, actor: Annotated[Actor, require("customers:read")]
) -> Response | Overview:
    """The customer with its deals, projects and figures; `missing` names what could not be had."""
    upstreams = parts_of(request).upstreams
    reading = _Reading(request, deadline=asyncio.get_running_loop().time() + DEADLINE_SECONDS)
    target = target_of("/v1/customers/{customer_id}", request.path_params, b"")
    sections: dict[str, Callable[[], Awaitable[list[Any]]]] = {}
    missing: list[Gap] = []
    for name, service, path, permission in (
        ("deals", "pipeline", "/v1/deals", "deals:read"),
        ("projects", "ops", "/v1/projects", "projects:read"),
    ):
        if actor.may(permission):
            sections[name] = reading.lister(upstreams[service], path, customer_id)
        else:
            missing.append(Gap(section=name, reason=f"this needs the permission {permission}"))
    required = asyncio.create_task(reading.call(upstreams["customer"], target))
    optional = {name: asyncio.create_task(_settled(read())) for name, read in sections.items()}
    try:
        customer = await required
        if customer.status != 200:
            return to_response(customer)
        found = {name: await task for name, task in optional.items()}
    finally:
        for task in (required, *optional.values()):
            task.cancel()
    return _compose(_object(customer), found, missing)


def _compose(
    customer: dict[str, Any], found: Mapping[str, list[Any] | str], missing: list[Gap]
) -> Overview:
    lists = {name: value for name, value in found.items() if isinstance(value, list)}
    gaps = [*missing, *(Gap(section=n, reason=v) for n, v in found.items() if isinstance(v, str))]
    if "deals" not in lists:
        gaps.append(Gap(section="figures", reason="they are made from the deals"))
    return Overview(
        customer=customer,
        deals=lists.get("deals"),
        projects=lists.get("projects"),
        figures=figures_of(lists["deals"]) if "deals" in lists else None,
        partial=bool(gaps),
        missing=gaps,
    )


class _Reading:
    """Calls on behalf of one request, all with what is left of its deadline."""

    def __init__(self, request: Request, *, deadline: float) -> None:
        self._headers = [
            (name, value)
            for name, value in headers_to_service(request.headers.raw)
            if not name.startswith(b"if-")
        ]
        self._deadline = deadline

    async def call(self, upstream: Upstream, target: bytes) -> Answer:
        left = max(0.001, self._deadline - asyncio.get_running_loop().time())
        return await upstream.call(
            Call(method="GET", target=target, headers=self._headers), seconds=left
        )

    def lister(
        self, upstream: Upstream, path: str, customer_id: str
    ) -> Callable[[], Awaitable[list[Any]]]:
        async def read() -> list[Any]:
            items: list[Any] = []
            cursor: str | None = None
            while True:
                query = {"customer_id": customer_id, "limit": str(_PAGE)}
                if cursor:
                    query["cursor"] = cursor
                answer = await self.call(upstream, f"{path}?{urlencode(query)}".encode())
                if answer.status != 200:
                    raise SectionMissing(f"the service {upstream.name} answered {answer.status}")
                page = _object(answer)
                items += page["items"]
                cursor = page.get("next_cursor")
                if cursor is None:
                    return items
                if len(items) >= _MOST_DEALS:
                    raise SectionMissing(f"more than {_MOST_DEALS}; read {path} page by page")

        return read


async def _settled(reading: Awaitable[list[Any]]) -> list[Any] | str:
    """The section, or the reason why there is none."""
    try:
        return await reading
    except SectionMissing as error:
        return str(error)
    except Refusal as refusal:
        return refusal.detail


def _object(answer: Answer) -> dict[str, Any]:
    try:
        return msgspec.json.decode(answer.body, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ServiceUnreachable(
            "a service answered something that is not JSON",
            hint="try again; if it lasts, see whether its address is right",
            service="unknown",
            retry_after=1,
        ) from error
