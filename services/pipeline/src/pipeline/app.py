"""The composition root of the pipeline service."""

from __future__ import annotations

from fastapi import FastAPI

from chassis import parked
from chassis.app import build_app
from chassis.clock import Clock
from chassis.sessions import Sessions
from pipeline.api import (
    deal_commands,
    deal_import,
    deals,
    people,
    pipelines,
    products,
    target_import,
    targets,
    teams,
)
from pipeline.handlers import consume
from pipeline.settings import Settings


def create_app(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """The application; connects to nothing until its lifespan begins."""
    return build_app(
        settings,
        title="Tandem pipeline",
        routers=[
            teams.router,
            people.router,
            products.router,
            pipelines.router,
            deals.router,
            deal_commands.router,
            deal_import.router,
            targets.router,
            target_import.router,
            parked.router(),
        ],
        tasks=[consume],
        clock=clock,
        sessions=Sessions(),
    )
