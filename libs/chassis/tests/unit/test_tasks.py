"""Background tasks all run, or the keeper says which one does not."""

import asyncio
import time

import pytest
from sample.app import create_app
from sample.settings import Settings

from chassis.resources import Resources
from chassis.tasks import BackgroundTask, TaskKeeper


@pytest.fixture
def resources(make_settings: object) -> Resources:
    settings: Settings = make_settings()  # type: ignore[operator]
    held = create_app(settings).state.resources
    assert isinstance(held, Resources)
    return held


async def prepared() -> None:
    return None


async def run(task: BackgroundTask, resources: Resources) -> TaskKeeper:
    keeper = TaskKeeper([task], prepared=prepared)
    async with keeper.running(resources):
        await asyncio.wait_for(keeper.failed.wait(), 2)
    return keeper


async def test_a_task_that_dies_is_named_with_its_reason(resources: Resources) -> None:
    async def consume(_resources: Resources) -> None:
        raise ValueError("no such day\nDETAIL: a row")

    keeper = await run(consume, resources)
    assert keeper.failure == "background task consume died: ValueError: no such day"


async def test_a_task_that_returns_too_early_is_a_failure_too(resources: Resources) -> None:
    async def consume(_resources: Resources) -> None:
        return None

    keeper = await run(consume, resources)
    assert keeper.failure == "background task consume returned although nobody told it to"


async def test_a_cancellation_that_a_library_let_escape_is_a_failure_too(
    resources: Resources,
) -> None:
    async def consume(_: Resources) -> None:
        raise asyncio.CancelledError

    keeper = await run(consume, resources)
    assert keeper.failure == "background task consume was cancelled from within"


async def test_tasks_begin_when_the_database_is_prepared(resources: Resources) -> None:
    begun = asyncio.Event()
    database = asyncio.Event()

    async def consume(resources: Resources) -> None:
        begun.set()
        await resources.stopping.wait()

    async def wait_for_database() -> None:
        await database.wait()

    keeper = TaskKeeper([consume], prepared=wait_for_database)
    async with keeper.running(resources):
        await asyncio.sleep(0.05)
        assert not begun.is_set()
        assert not resources.prepared.is_set()
        database.set()
        await asyncio.wait_for(begun.wait(), 1)
    assert keeper.failure is None


async def test_a_task_that_does_not_stop_is_cancelled(resources: Resources) -> None:
    begun = asyncio.Event()

    async def consume(_resources: Resources) -> None:
        begun.set()
        await asyncio.sleep(3600)

    keeper = TaskKeeper([consume], prepared=prepared)
    async with keeper.running(resources):
        await begun.wait()
        leaving = time.monotonic()
    # It had its time; that the block ended at all shows that it was not waited for.
    assert time.monotonic() - leaving > 1
    assert keeper.failure is None
    assert len(asyncio.all_tasks()) == 1


async def test_stopping_before_the_database_answers_leaves_nothing_behind(
    resources: Resources,
) -> None:
    async def consume(_resources: Resources) -> None:
        raise AssertionError("must not begin")

    async def never() -> None:
        await asyncio.sleep(3600)

    keeper = TaskKeeper([consume], prepared=never)
    async with keeper.running(resources):
        await asyncio.sleep(0.01)
    assert keeper.failure is None
    assert len(asyncio.all_tasks()) == 1
