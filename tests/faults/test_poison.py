"""Records that cannot be applied: their key waits in order, everything else flows."""

import asyncio
import json
from functools import partial
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from events import open_log
from events.log import NewRecord
from events.parked import Selection, discard_parked, list_parked
from faults.harness.run import Run
from faults.harness.stack import wait_until
from faults.test_newer_events import deal, record

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200)]

GOOD = 6


@pytest.mark.long_on("postgres")
@pytest.mark.parametrize(
    "place",
    [
        pytest.param(0, id="first", marks=pytest.mark.long),
        pytest.param(GOOD // 2, id="middle"),
        pytest.param(GOOD, id="last", marks=pytest.mark.long),
    ],
)
def test_poison_in_a_batch_holds_back_its_own_key_alone(run: Run, place: int) -> None:
    """A deal is created, changed by a broken record, and won; around it others are made and won."""
    names = run.driver.names
    poisoned = uuid4().hex
    with run.load(before=10, after=10):
        batch = [one for n in range(GOOD) for one in made_and_won(f"{names.run}-good-{n}")]
        held = made_and_won(f"{names.run}-held", subject=poisoned, won_at=3)
        batch[2 * place : 2 * place] = [held[0], broken(held[0], sequence=2), held[1]]
        asyncio.run(publish(run.stack.event_log, batch))
        run.nemesis.note("poison")
        for n in range(GOOD):
            wait_until(
                partial(run.is_counted, f"{names.run}-good-{n}"),
                what="others are counted",
            )
        reasons = asyncio.run(parked(run.stack.database_url("metrics"), poisoned))
        assert reasons == {2: "schema", 3: "held"}
        assert not run.is_counted(f"{names.run}-held")

        asyncio.run(discard(run.stack.database_url("metrics"), poisoned))
        wait_until(
            lambda: run.is_counted(f"{names.run}-held"),
            what="what was held back is counted",
        )
        assert asyncio.run(parked(run.stack.database_url("metrics"), poisoned)) == {}
    run.check()


def made_and_won(product: str, *, subject: str | None = None, won_at: int = 2) -> list[NewRecord]:
    subject = subject or uuid4().hex
    return [
        record("created", subject, sequence=1, data=deal(subject, product, status="open")),
        record("won", subject, sequence=won_at, data=deal(subject, product, status="won")),
    ]


def broken(like: NewRecord, *, sequence: int) -> NewRecord:
    """The next event of the same deal, whose data is none."""
    headers = [
        (name, f"{sequence:020}".encode() if name == "ce_sequence" else value)
        for name, value in like.headers
        if name != "ce_id"
    ]
    headers.append(("ce_id", uuid4().hex.encode()))
    return NewRecord(like.topic, like.key, json.dumps({"deal": 7}).encode(), headers)


async def publish(url: str, records: list[NewRecord]) -> None:
    async with open_log(url) as log:
        producer = await log.producer()
        await producer.publish(records)
        await producer.close()


async def parked(url: str, subject: str) -> dict[int | None, str]:
    connection = await asyncpg.connect(url)
    found: list[Any] = await list_parked(connection, Selection(subject=subject))
    await connection.close()
    return {item.sequence: item.reason for item in found}


async def discard(url: str, subject: str) -> None:
    connection = await asyncpg.connect(url)
    first = (await list_parked(connection, Selection(subject=subject)))[0]
    await discard_parked(connection, first.id, actor="sre", reason="broken by a bad release")
    await connection.close()
