"""What partners hear of us: read-back, counts, their own topics, and what operators decide."""

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from events import open_log
from events.log.port import NewRecord
from local.stack import Stack
from tandem.main import app

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

WEBSHOP = "/partners/webshop"
SETTLE_SECONDS = 240.0
BATCH = {"content-type": "application/cloudevents-batch+json"}
As = Callable[..., httpx.Client]


def order(product: str, *, minor: int = 100, **changes: Any) -> dict[str, Any]:
    order_id = uuid.uuid4().hex
    event = {
        "specversion": "1.0",
        "id": uuid.uuid4().hex,
        "source": WEBSHOP,
        "type": "com.tandem.partner.order.paid.v1",
        "time": datetime.now(UTC).isoformat(),
        "data": {
            "order_id": order_id,
            "amount": {"amount_minor": minor, "currency": "USD"},
            "dimensions": {"product": product},
        },
    }
    return event | changes


def binary(event: dict[str, Any], key: str, **more: str) -> NewRecord:
    attributes = {n: v for n, v in event.items() if n != "data"} | more
    headers: list[tuple[str, bytes | None]] = [
        (f"ce_{name}", value.encode()) for name, value in attributes.items()
    ]
    headers.append(("content-type", b"application/json"))
    value = json.dumps(event["data"]).encode()
    return NewRecord(topic="partner", key=key.encode(), value=value, headers=headers)


async def publish(stack: Stack, *records: NewRecord) -> None:
    async with open_log(stack.event_log) as log:
        producer = await log.producer()
        await producer.publish(list(records))
        await producer.close()


@pytest.fixture
def partner(as_role: As) -> httpx.Client:
    return as_role("partner", sources=(WEBSHOP,))


@pytest.fixture
def product() -> str:
    return f"p-{uuid.uuid4().hex[:12]}"


def until(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def revenue(as_role: As, product: str) -> tuple[float, int]:
    query = {"period": f"{datetime.now(UTC):%Y}", "filter": f"product:{product}"}
    row = as_role("boss").get("/v1/kpis/revenue_net", params=query).json()["periods"][0]["rows"][0]
    return row["value"] or 0, row["n"] or 0


def test_a_partner_reconciles_what_it_sent(partner: httpx.Client, product: str) -> None:
    began_at = datetime.now(UTC).isoformat()
    sent = [order(product) for _ in range(5)]
    batch = [*sent, sent[0], order(product, data={"order_id": 7})]
    answer = partner.post("/v1/events", content=json.dumps(batch), headers=BATCH)
    assert answer.status_code == 207
    page = partner.get("/v1/events", params={"received_from": began_at}).json()
    own = [one for one in page["items"] if one["verdict"] == "accepted"]
    assert [one["event"]["id"] for one in own] == [event["id"] for event in sent]
    assert [one["event"]["data"] for one in own] == [event["data"] for event in sent]
    shown = f"/v1/events/{sent[0]['id']}"
    until(lambda: partner.get(shown).json()["state"] == "published", "never published")
    counts = partner.get("/v1/events/counts", params={"by": "received"}).json()["items"]
    verdicts = {one["verdict"] for one in counts}
    assert {"accepted", "duplicate", "rejected"} <= verdicts


async def test_a_partner_publishes_to_its_own_topic_and_reads_what_was_refused(
    stack: Stack, as_role: As, product: str
) -> None:
    events = [order(product, minor=5), order(product, minor=7, source="/partners/else")]
    records = [
        NewRecord(
            topic="partner.webshop",
            key=b"any",
            value=json.dumps(event).encode(),
            headers=[("content-type", b"application/cloudevents+json")],
        )
        for event in events
    ]
    await publish(stack, *records, records[0])
    await asyncio.to_thread(
        until, lambda: revenue(as_role, product) == (5, 1), "the record was not counted once"
    )
    async with open_log(stack.event_log) as log:
        reader = await log.reader()
        partitions = await log.partitions(["partner.webshop.rejects"])
        reader.assign(await log.beginnings(partitions))
        told: list[dict[str, Any]] = []
        async with asyncio.timeout(SETTLE_SECONDS):
            while not told:
                found = await reader.poll(max_records=100, timeout_seconds=1)
                for records_found in found.values():
                    told += [json.loads(record.value or b"{}") for record in records_found]
        await reader.close()
    data = [one.get("data", one) for one in told]
    [mine] = [one for one in data if one.get("event_id") == events[1]["id"]]
    assert (mine["field"], mine["verdict"]) == ("source", "rejected")
    assert mine["mend"]


async def test_what_waits_behind_a_parked_event_drains_in_order_when_it_is_discarded(
    stack: Stack, as_role: As, product: str
) -> None:
    sre, key = as_role("sre"), uuid.uuid4().hex
    good = order(product, minor=3)
    good["data"]["order_id"] = key
    broken = good | {"id": uuid.uuid4().hex, "data": {"order_id": key, "amount": "a lot"}}
    later = good | {"id": uuid.uuid4().hex}
    later["data"] = good["data"] | {"amount": {"amount_minor": 9, "currency": "USD"}}
    about = {"subject": key, "recordedtime": good["time"]}
    await publish(
        stack,
        binary(broken, key, sequence="000000000001", **about),
        binary(good, key, sequence="000000000002", **about),
        binary(later, key, sequence="000000000003", **about),
    )

    def waiting() -> list[dict[str, Any]]:
        query = {"service": "metrics", "subject": key}
        found: list[dict[str, Any]] = sre.get("/v1/parked", params=query).json()["items"]
        return found

    await asyncio.to_thread(until, lambda: len(waiting()) == 3, "not all three are parked")
    assert [one["reason"] for one in waiting()] == ["schema", "held", "held"]
    chosen = {"subject": key, "reason": "a test"}
    dry = sre.post("/v1/parked/discard?service=metrics", json=chosen | {"dry_run": True}).json()
    assert (dry["matched"], dry["requested"]) == (1, 0)
    broken_id = waiting()[0]["id"]
    done = sre.post("/v1/parked/discard?service=metrics", json=chosen).json()
    assert done["requested"] == 1
    await asyncio.to_thread(until, lambda: not waiting(), "what waited did not go on")
    await asyncio.to_thread(
        until, lambda: revenue(as_role, product) == (9, 1), "the last one does not count alone"
    )
    [line] = sre.get(f"/v1/parked/{broken_id}/audit").json()["items"]
    assert (line["action"], line["reason"]) == ("discard", "a test")
    assert sre.get("/v1/parked/stopped").json()["items"] == []


def test_the_command_line_shows_what_came_and_what_waits(
    stack: Stack, partner: httpx.Client, product: str
) -> None:
    sent = order(product)
    partner.post("/v1/events", content=json.dumps([sent]), headers=BATCH)

    def say(*words: str, role: str = "partner") -> Any:
        token = stack.token(role, sources=(WEBSHOP,))
        result = CliRunner().invoke(app, [*words, "--url", stack.url, "--token", token])
        assert result.exit_code == 0, result.output
        return result.output

    assert json.loads(say("events", "show", sent["id"]))["event"]["id"] == sent["id"]
    assert json.loads(say("events", "counts", "--json"))["items"]
    assert "accepted" in say("events", "list", "--verdict", "accepted")
    assert "No partition is stopped." in say("parked", "stopped", role="sre")
    where = ("--service", "metrics", "--where", f"subject={sent['id']}")
    assert "0 match" in say("parked", "release", *where, role="sre")
    assert json.loads(say("parked", "audit", "--json", role="sre"))["items"] is not None
