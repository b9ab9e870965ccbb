"""The telemetry port: /metrics, /health/live and /health/ready, away from the API.

A tiny ASGI app in the same event loop, so that a stuck loop also fails the probe.
"""

from collections.abc import Awaitable, Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chassis.health import Health


def telemetry_app(
    registry: CollectorRegistry, *, readiness: Callable[[], Awaitable[Health]]
) -> Starlette:
    """The application behind a process's telemetry port."""

    async def metrics(_request: Request) -> Response:
        body = generate_latest(registry)
        return Response(body, headers={"content-type": CONTENT_TYPE_LATEST})

    async def live(_request: Request) -> Response:
        return JSONResponse(Health(status="live").model_dump())

    async def ready(_request: Request) -> Response:
        health = await readiness()
        return JSONResponse(health.model_dump(), status_code=health.http_status)

    return Starlette(
        routes=[
            Route("/metrics", metrics),
            Route("/health/live", live),
            Route("/health/ready", ready),
        ]
    )
