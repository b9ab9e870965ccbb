import asyncio

from fastapi import FastAPI

from chassis import parked
from chassis.app import build_app
from chassis.clock import Clock
from chassis.resources import Resources
from chassis.sessions import Sessions
from chassis.tasks import BackgroundTask
from sample import notes
from sample.settings import Settings


def create_app(settings: Settings, clock: Clock | None = None) -> FastAPI:
    return build_app(
        settings,
        title="Sample",
        routers=[notes.router, parked.router()],
        tasks=[_mortal(settings.dies_after_seconds)],
        clock=clock,
        sessions=Sessions(),
    )


def _mortal(after_seconds: float | None) -> BackgroundTask:
    async def consume(resources: Resources) -> None:
        if after_seconds is not None:
            await asyncio.sleep(after_seconds)
            raise RuntimeError("the tester wanted it")
        await resources.stopping.wait()

    return consume
