"""What the running gateway holds besides the chassis' resources, made in one place."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI, Request

from chassis.clock import Clock
from gateway.ingress.depth import OutboxDepth
from gateway.ingress.filing import Filing
from gateway.ingress.limits import Limits
from gateway.kpi.answers import Answers
from gateway.kpi.cache import AnswerCache
from gateway.kpi.freshness import Freshness
from gateway.kpi.stream import Live
from gateway.openapi.document import ApiDocument
from gateway.partner_keys.ring import KeyRing
from gateway.proxy.transport import HttpTransport
from gateway.proxy.upstream import Guards, Upstream
from gateway.ratelimit import RateLimit
from gateway.settings import Settings
from gateway.telemetry import GatewayTelemetry


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything of the gateway's own with a lifetime."""

    upstreams: dict[str, Upstream]
    telemetry: GatewayTelemetry
    cache: AnswerCache
    freshness: Freshness
    answers: Answers
    live: Live
    rate_limit: RateLimit
    document: ApiDocument
    terms: Limits
    filing: Filing
    outbox_depth: OutboxDepth
    partner_keys: KeyRing

    @asynccontextmanager
    async def held(self, app: FastAPI) -> AsyncIterator[None]:
        """Close connections to services when the process ends."""
        self.partner_keys.open(app.state.resources.database)
        try:
            yield
        finally:
            for upstream in self.upstreams.values():
                await upstream.close()


def make_parts(settings: Settings, clock: Clock) -> Parts:
    """Build all parts; nothing connects yet."""
    telemetry = GatewayTelemetry()
    guards = Guards(deadline_seconds=settings.upstream_seconds)
    tls = ssl.create_default_context()
    upstreams = {
        name: Upstream(
            name,
            HttpTransport(url, connections=guards.places, tls=tls),
            guards=guards,
            observer=telemetry,
            monotonic=time.monotonic,
        )
        for name, url in settings.service_urls.items()
    }
    cache = AnswerCache(time.monotonic)
    freshness = Freshness(clock)
    answers = Answers(upstreams["metrics"], cache=cache, freshness=freshness, telemetry=telemetry)
    return Parts(
        upstreams=upstreams,
        telemetry=telemetry,
        cache=cache,
        freshness=freshness,
        answers=answers,
        live=Live(answers, telemetry),
        rate_limit=RateLimit(
            requests=settings.rate_limit_requests, seconds=settings.rate_limit_seconds
        ),
        document=ApiDocument(upstreams),
        terms=Limits(settings),
        filing=Filing(most_bytes=settings.ingress_bytes),
        outbox_depth=OutboxDepth(
            most_events=settings.outbox_events, oldest_seconds=settings.outbox_seconds
        ),
        partner_keys=KeyRing(clock, telemetry),
    )


def parts_of(request: Request) -> Parts:
    """The parts of the gateway that this request came to."""
    held = request.app.state.parts
    assert isinstance(held, Parts)
    return held
