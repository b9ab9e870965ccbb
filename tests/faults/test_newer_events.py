"""Events of a newer release than the reader: counted where known, never put aside."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from events import open_log
from events.log import NewRecord
from faults.harness import witnesses
from faults.harness.run import Run
from faults.harness.stack import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200)]

SOURCE = "/tandem/pipeline-of-tomorrow"
UNKNOWN = 'pipeline_events_processed_total{consumer="metrics",outcome="unknown"}'


def record(kind: str, subject: str, *, sequence: int, data: dict[str, Any]) -> NewRecord:
    """An event as a newer release would write it, in binary mode."""
    now = datetime.now(UTC).isoformat().encode()
    headers: list[tuple[str, bytes | None]] = [
        ("ce_specversion", b"1.0"),
        ("ce_id", uuid4().hex.encode()),
        ("ce_source", SOURCE.encode()),
        ("ce_type", f"com.tandem.pipeline.deal.{kind}.v1".encode()),
        ("ce_subject", subject.encode()),
        ("ce_time", now),
        ("ce_recordedtime", now),
        ("ce_sequence", f"{sequence:020}".encode()),
        ("content-type", b"application/json"),
    ]
    value = json.dumps(data).encode()
    return NewRecord(topic="pipeline", key=subject.encode(), value=value, headers=headers)


def deal(subject: str, product: str, *, status: str) -> dict[str, Any]:
    """Whole, with members that nobody here has heard of."""
    now = datetime.now(UTC).isoformat()
    closed = {"closed_at": now} if status == "won" else {}
    known = {
        "deal_id": subject,
        "pipeline": "standard",
        "stage": "won" if status == "won" else "qualified",
        "stage_rank": 0,
        "status": status,
        "episode": 1,
        "created_at": now,
        "dimensions": {"product": product, "planet": "mars"},
        "amount": {"amount_minor": 7, "currency": "USD"},
    }
    return {"deal": {**known, **closed, "mood": "hopeful"}, "weather": "fine"}


async def publish(url: str, records: list[NewRecord]) -> None:
    async with open_log(url) as log:
        producer = await log.producer()
        await producer.publish(records)
        await producer.close()


@pytest.mark.long_on("postgres")
def test_an_unknown_type_and_a_newer_minor_version_hold_nothing_up(run: Run) -> None:
    unknown = witnesses.telemetry(run.stack, "metrics", UNKNOWN)
    subject, product = uuid4().hex, f"{run.driver.names.run}-new"
    with run.load():
        records = [
            record("created", subject, sequence=1, data=deal(subject, product, status="open")),
            record("dreamt_of", subject, sequence=2, data={"dream": "big"}),
            record("won", subject, sequence=3, data=deal(subject, product, status="won")),
        ]
        asyncio.run(publish(run.stack.event_log, records))
        run.nemesis.note("events of a newer release")
    wait_until(
        lambda: run.is_counted(product),
        what="the deal of the newer release is counted",
    )
    run.check()
    assert witnesses.telemetry(run.stack, "metrics", UNKNOWN) == unknown + 1
