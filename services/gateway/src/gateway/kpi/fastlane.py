"""The hot path of GET /v1/kpis/{kpi_id}: a few dictionary look-ups before the framework.

It answers only what needs no decision: a good token, a question that can be
kept, an answer that is current. Everything else goes on to the route, which
behaves the same. A test holds both to equal answers.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from chassis import tracing
from chassis.auth.actor import Actor
from chassis.auth.tokens import Authenticator
from chassis.errors import Refusal
from chassis.telemetry import Telemetry
from gateway.headers import SECURITY_HEADERS
from gateway.kpi.api import answer_headers, is_known
from gateway.kpi.cache import KpiAnswer
from gateway.kpi.query import AnswerKey, KpiQuery, read_query
from gateway.kpi.scope import scope_of
from gateway.parts import Parts
from gateway.routes import KPI_READ

_PREFIX: Final = "/v1/kpis/"
_MOST_SPELLINGS: Final = 20_000


class KpiFastLane:
    """Pure ASGI, outermost; keeps no answers of its own."""

    def __init__(
        self, app: ASGIApp, *, parts: Parts, authenticator: Authenticator, telemetry: Telemetry
    ) -> None:
        self._app = app
        self._authenticator = authenticator
        self._parts = parts
        self._observe = telemetry.http_seconds.labels("GET", KPI_READ.path, "2xx").observe
        self._observe_304 = telemetry.http_seconds.labels("GET", KPI_READ.path, "3xx").observe
        self._spellings: OrderedDict[tuple[str, bytes], KpiQuery] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] == "http"
            and scope["method"] == "GET"
            and scope["path"].startswith(_PREFIX)
            and await self._answered(scope, send)
        ):
            return
        await self._app(scope, receive, send)

    async def _answered(self, scope: Scope, send: Send) -> bool:
        began = time.perf_counter()
        given = dict(scope["headers"])
        try:
            header = given.get(b"authorization", b"").decode("latin-1")
            actor = await self._authenticator.authenticate(header)
            answer = self._answer(scope, actor)
            if answer is None:
                return False
            quota = await self._parts.rate_limit.take(actor.id)
        except Refusal:
            return False
        trace = tracing.Trace.following(given.get(b"traceparent", b"").decode("latin-1"))
        headers = [
            *answer_headers(answer, self._parts.freshness),
            *SECURITY_HEADERS,
            *(quota.headers() if quota else ()),
            (b"x-trace-id", trace.trace_id.encode()),
        ]
        known = is_known(answer, given.get(b"if-none-match", b"").decode("latin-1"))
        await self._send(answer, headers, send, known=known)
        (self._observe_304 if known else self._observe)(time.perf_counter() - began)
        return True

    def _answer(self, scope: Scope, actor: Actor) -> KpiAnswer | None:
        if not actor.may("kpis:read"):
            return None
        query = self._query(scope)
        return self._parts.answers.at_hand(AnswerKey(query, scope_of(actor))) if query else None

    def _query(self, scope: Scope) -> KpiQuery | None:
        spelling = (scope["path"], scope["query_string"])
        query = self._spellings.get(spelling)
        if query is None:
            query = read_query(spelling[0].removeprefix(_PREFIX), spelling[1])
            if query is not None:
                self._spellings[spelling] = query
                if len(self._spellings) > _MOST_SPELLINGS:
                    self._spellings.popitem(last=False)
        return query

    async def _send(
        self,
        answer: KpiAnswer,
        headers: list[tuple[bytes, bytes]],
        send: Send,
        *,
        known: bool,
    ) -> None:
        if known:
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            self._parts.telemetry.not_modified.inc()
            return
        headers.append((b"content-type", b"application/json"))
        headers.append((b"content-length", b"%d" % len(answer.body)))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
        self._parts.telemetry.from_memory.inc()
