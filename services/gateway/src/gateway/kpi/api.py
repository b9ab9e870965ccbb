"""GET /v1/kpis/{kpi_id}: an answer from memory where it is current, with its tag and watermark."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from chassis.auth import require
from chassis.auth.actor import Actor
from chassis.routes import any_query
from gateway.kpi.answers import MetricsRefused
from gateway.kpi.cache import KpiAnswer
from gateway.kpi.freshness import Freshness
from gateway.kpi.query import AnswerKey, read_query
from gateway.kpi.scope import scope_of
from gateway.parts import Parts, parts_of
from gateway.proxy.forward import headers_to_service, target_of, to_response
from gateway.proxy.transport import Call
from gateway.ratelimit import count_request
from gateway.routes import KPI_READ

router = APIRouter(
    tags=["kpis"],
    include_in_schema=False,  # described by metrics, whose answer it is
    dependencies=[Depends(any_query), Depends(count_request)],
)


@router.get(KPI_READ.path)
async def read_kpi(
    kpi_id: str, request: Request, actor: Annotated[Actor, require("kpis:read")]
) -> Response:
    parts = parts_of(request)
    query = read_query(kpi_id, request.scope["query_string"])
    if query is None:
        return await _pass_through(parts, request)
    authorization = request.headers["authorization"]
    try:
        answer = await parts.answers.ask(AnswerKey(query, scope_of(actor)), authorization)
    except MetricsRefused as refused:
        return to_response(refused.answer)
    return respond(answer, parts.freshness, request.headers.get("if-none-match"))


async def _pass_through(parts: Parts, request: Request) -> Response:
    target = target_of(KPI_READ.path, request.path_params, request.scope["query_string"])
    headers = headers_to_service(request.headers.raw)
    answer = await parts.upstreams["metrics"].call(
        Call(method="GET", target=target, headers=headers)
    )
    return to_response(answer)


def respond(answer: KpiAnswer, freshness: Freshness, if_none_match: str | None) -> Response:
    """The answer, or 304 when the caller has it already."""
    headers = answer_headers(answer, freshness)
    if is_known(answer, if_none_match):
        response = Response(status_code=304)
        del response.headers["content-length"]
    else:
        response = Response(content=answer.body, media_type="application/json")
    response.raw_headers = [*response.raw_headers, *headers]
    return response


def answer_headers(answer: KpiAnswer, freshness: Freshness) -> list[tuple[bytes, bytes]]:
    """Headers of an answer, 200 and 304 alike: its tag, and how current it is now."""
    return [
        (b"etag", answer.etag),
        (b"cache-control", b"private, no-cache"),
        (b"vary", b"Authorization"),
        *freshness.headers(),
    ]


def is_known(answer: KpiAnswer, if_none_match: str | None) -> bool:
    """Whether one of the caller's tags is the answer's; If-None-Match compares weakly."""
    if not if_none_match:
        return False
    if if_none_match.strip() == "*":
        return True
    ours = answer.etag.decode()
    return any(tag.strip().removeprefix("W/") == ours for tag in if_none_match.split(","))
