"""The composition root of the gateway."""

from __future__ import annotations

from functools import partial, update_wrapper

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from chassis.app import build_app
from chassis.clock import SystemClock
from chassis.resources import Resources
from chassis.tasks import BackgroundTask
from gateway import overview
from gateway.headers import FrontHeaders
from gateway.ingress import api as ingress
from gateway.kpi import api as kpis
from gateway.kpi import stream_api
from gateway.kpi.fastlane import KpiFastLane
from gateway.kpi.hearing import hear_changes
from gateway.openapi import api as openapi
from gateway.partner_keys import api as partner_keys
from gateway.partner_keys.ring import note_uses
from gateway.partner_topics.task import take_from_topics
from gateway.parts import Parts, make_parts
from gateway.proxy import forward, parked
from gateway.proxy import problems as upstream_problems
from gateway.readback import api as readback
from gateway.readback.forgetting import forget_refused
from gateway.routes import KPI_LISTS, PROXIED
from gateway.settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """The gateway's application; connects to nothing until its lifespan begins."""
    clock = SystemClock()
    parts = make_parts(settings, clock)
    app = build_app(
        settings,
        title="Tandem gateway",
        # What is called most first; the more special path first: `/v1/kpis/stream` is no KPI.
        routers=[
            ingress.publishing,
            stream_api.router,
            forward.router_of(KPI_LISTS),
            kpis.router,
            overview.router,
            parked.router,
            ingress.router,
            readback.router,
            partner_keys.router,
            openapi.router,
            forward.router_of(PROXIED),
        ],
        tasks=_tasks(parts),
        lifespans=[parts.held],
        clock=clock,
        api_keys=parts.partner_keys,
    )
    resources: Resources = app.state.resources
    app.state.parts = parts
    parts.telemetry.register(resources.telemetry.registry)
    parts.document.describe(app.openapi())
    app.openapi = lambda: parts.document.merged  # type: ignore[method-assign] # FastAPI's own way
    upstream_problems.install(app)
    _wrap(app, settings, parts)
    return app


def _tasks(parts: Parts) -> list[BackgroundTask]:
    async def end_streams(resources: Resources) -> None:
        await resources.stopping.wait()
        parts.live.close()

    hearing = update_wrapper(partial(hear_changes, parts), hear_changes)
    uses = update_wrapper(partial(note_uses, parts.partner_keys), note_uses)
    topics = update_wrapper(partial(take_from_topics, parts), take_from_topics)
    return [hearing, parts.document.keep_current, end_streams, topics, uses, forget_refused]


def _wrap(app: FastAPI, settings: Settings, parts: Parts) -> None:
    """Middleware from the inside out; the hot path of KPI reads is outermost but for CORS."""
    resources: Resources = app.state.resources
    app.add_middleware(FrontHeaders)
    app.add_middleware(
        KpiFastLane,
        parts=parts,
        authenticator=resources.authenticator,
        telemetry=resources.telemetry,
    )
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                "If-Match",
                "If-None-Match",
                "Last-Event-ID",
            ],
            expose_headers=[
                "ETag",
                "Tandem-Watermark",
                "Tandem-Lag-Seconds",
                "Retry-After",
                "X-Trace-Id",
            ],
            max_age=600,
        )
