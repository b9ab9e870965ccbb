"""Composition root of the metrics service: the API, and one worker beside it."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI

from chassis import parked
from chassis.app import build_app
from chassis.resources import Resources
from chassis.tasks import BackgroundTask
from metrics.api import (
    closings,
    coverage,
    definitions,
    diagnosis,
    diagnosis_rules,
    differences,
    kpis,
    models,
    quality,
    quarantine,
    rebuilds,
    shapes,
)
from metrics.api.asking import source_of
from metrics.consuming import company_of, follow_log
from metrics.merging import merge_pending
from metrics.rebuild import keep_generations
from metrics.settings import Settings

ROUTERS: Final = (
    # The more special paths first: `/v1/kpis/vocabulary` is no KPI.
    definitions.router,
    *(kpis.router, coverage.router, differences.router, quarantine.router),
    *(diagnosis_rules.router, diagnosis.router),
    *(closings.router, quality.router, rebuilds.router, shapes.router),
    models.router,
)


def create_app(settings: Settings) -> FastAPI:
    """The service; connects to nothing before it is started."""
    return build_app(
        settings,
        title="Tandem metrics",
        routers=[*ROUTERS, parked.router()],
        tasks=_tasks(settings),
        checks={"figures": figures_in_force},
    )


def create_worker(settings: Settings) -> FastAPI:
    """One more worker: no API of its own but health."""
    return build_app(
        settings,
        title="Tandem metrics worker",
        routers=[],
        tasks=_tasks(settings),
    )


def _tasks(settings: Settings) -> list[BackgroundTask]:
    return [follow_log(settings), merge_pending(settings), keep_generations(company_of(settings))]


async def figures_in_force(resources: Resources) -> None:
    """Ready when the cells are those of our own definitions: not while they are rebuilt."""
    async with source_of(resources):
        return
