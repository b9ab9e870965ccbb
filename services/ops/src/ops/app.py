"""Composition root of the ops service."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI

from chassis import parked
from chassis.app import build_app
from chassis.clock import Clock
from chassis.resources import Resources
from chassis.sessions import Sessions
from events import Consumer, open_log
from ops.api import costs, imports, projects, stages, tasks, time_logs
from ops.handlers.customers import keep_customers
from ops.settings import Settings

TOPICS: Final = ("customer",)


def create_app(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """The service; connects to nothing until it is served."""
    return build_app(
        settings,
        title="Tandem ops",
        routers=[
            # First, so that no {id} takes the word `import` for itself.
            imports.router,
            projects.router,
            stages.router,
            tasks.router,
            costs.router,
            time_logs.router,
            parked.router(),
        ],
        tasks=[hear_customers],
        clock=clock,
        sessions=Sessions(),
    )


async def hear_customers(resources: Resources) -> None:
    """Keep up with customers until the service stops."""
    async with open_log(resources.settings.event_log) as log:
        consumer = Consumer(
            log,
            resources.database.pool,
            name=resources.settings.service,
            topics=TOPICS,
            handler=keep_customers,
            observer=resources.telemetry.observer,
        )
        await consumer.run(resources.stopping)
