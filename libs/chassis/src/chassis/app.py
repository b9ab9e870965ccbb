"""Making a service's FastAPI application: what all of them have, around what each of them is."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, FastAPI

from chassis import health, problems
from chassis.auth.gate import IdentityGate
from chassis.auth.keys import KeySource
from chassis.auth.tokens import ApiKeys, Authenticator
from chassis.clock import Clock, SystemClock
from chassis.connections import ConnectionsCollector
from chassis.cursors import CursorSeal
from chassis.db import Database
from chassis.health import Check
from chassis.heartbeat import heartbeat
from chassis.middleware import BodyLimit, RequestFrame
from chassis.openapi import ServiceApp
from chassis.outbox import watch_outbox
from chassis.problems import Problem
from chassis.resources import Resources
from chassis.routes import declared_routes, refuse_undeclared, refuse_unknown_query
from chassis.schema import Schema
from chassis.settings import ServiceSettings
from chassis.tasks import BackgroundTask, TaskKeeper
from chassis.telemetry import Telemetry
from events.doorbell import Doorbell

if TYPE_CHECKING:
    from chassis.sessions import Sessions

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
"""Something that a service holds open while it runs: enters with the database open."""


def build_app(
    settings: ServiceSettings,
    *,
    title: str,
    routers: Sequence[APIRouter],
    tasks: Sequence[BackgroundTask] = (),
    lifespans: Sequence[Lifespan] = (),
    checks: Mapping[str, Check] | None = None,
    clock: Clock | None = None,
    sessions: "Sessions | None" = None,
    api_keys: ApiKeys | None = None,
    version: str = "0.1.0",
) -> FastAPI:
    """A service's application. Connects to nothing until its lifespan begins.

    `tasks` run beside the requests from the moment that the database answers. `sessions` are
    for routes that take `WorkDep`, `api_keys` what is taken for a token besides tokens.
    Raises RouteWithoutPermission.
    """
    resources = _resources(settings, clock or SystemClock(), sessions=sessions, api_keys=api_keys)
    named_checks = {
        "database": health.database_answers,
        "schema": health.schema_is_current,
        **(checks or {}),
    }
    keeper = TaskKeeper((heartbeat, watch_outbox, *tasks), prepared=partial(_prepared, resources))
    app = ServiceApp(
        title=title,
        version=version,
        lifespan=_lifespan(resources, keeper, lifespans),
        dependencies=[Depends(refuse_unknown_query)],
        responses={"default": {"model": Problem, "description": "Problem (RFC 9457)"}},
        # The gateway shows the merged document; a second page would only go stale.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # Its logs record validation errors with the caller's input; our own frame
        # does traces and timing.
        telemetry={"logs": False, "tracing": False, "metrics": False, "auto_configure": False},
    )
    app.state.resources = resources
    app.state.checks = named_checks
    app.state.tasks = keeper
    app.add_middleware(IdentityGate, authenticator=resources.authenticator)
    app.add_middleware(BodyLimit, large_body_suffixes=("/import",))
    problems.install(app, sessions=sessions)
    for router in (*routers, health.router(named_checks)):
        app.include_router(router)
    refuse_undeclared(app)
    app.state.routes = declared_routes(app)
    # Added last, so that it is the outermost.
    app.add_middleware(RequestFrame, telemetry=resources.telemetry)
    return app


def _resources(
    settings: ServiceSettings,
    clock: Clock,
    *,
    sessions: "Sessions | None",
    api_keys: ApiKeys | None,
) -> Resources:
    database = Database(settings.database_url, application_name=settings.service)
    telemetry = Telemetry()
    pools = {"database": database.connections}
    if sessions is not None:
        pools["sessions"] = sessions.connections
    telemetry.registry.register(ConnectionsCollector(pools))
    return Resources(
        settings=settings,
        clock=clock,
        database=database,
        authenticator=Authenticator(
            issuer=settings.auth_issuer,
            audience=settings.auth_audience,
            keys=KeySource(settings.auth_jwks),
            # Tokens expire in the real world, whatever moment the business is told.
            clock=SystemClock(),
            api_keys=api_keys,
        ),
        cursors=CursorSeal(settings.cursor_secret.get_secret_value()),
        telemetry=telemetry,
        doorbell=Doorbell(database.connect),
        sessions=sessions,
    )


async def _prepared(resources: Resources) -> None:
    await resources.database.wait()
    service = resources.settings.service
    await Schema(service).wait(resources.database, service=service)


def _lifespan(resources: Resources, keeper: TaskKeeper, lifespans: Sequence[Lifespan]) -> Lifespan:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(resources.database.opened())
            if resources.sessions is not None:
                await stack.enter_async_context(resources.sessions.opened(resources.database))
            stack.push_async_callback(resources.doorbell.close)
            for part in lifespans:
                await stack.enter_async_context(part(app))
            await stack.enter_async_context(keeper.running(resources))
            yield

    return lifespan
