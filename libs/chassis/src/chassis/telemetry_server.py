"""The telemetry port: /metrics, /health/live and /health/ready, away from the API.

A tiny ASGI app in the same event loop, so that a stuck loop also fails the probe.
"""

from collections.abc import Mapping

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chassis.health import Check, Health, check_all
from chassis.resources import Resources


def telemetry_app(resources: Resources, checks: Mapping[str, Check]) -> Starlette:
    """The application behind a service's telemetry port."""

    async def metrics(_request: Request) -> Response:
        body = generate_latest(resources.telemetry.registry)
        return Response(body, headers={"content-type": CONTENT_TYPE_LATEST})

    async def live(_request: Request) -> Response:
        return JSONResponse(Health(status="live").model_dump())

    async def ready(_request: Request) -> Response:
        health = await check_all(resources, checks)
        status = 200 if health.status == "ready" else 503
        return JSONResponse(health.model_dump(), status_code=status)

    return Starlette(
        routes=[
            Route("/metrics", metrics),
            Route("/health/live", live),
            Route("/health/ready", ready),
        ]
    )
