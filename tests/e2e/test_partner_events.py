"""Partners' events from the front door to the KPI: durable, counted once, corrected, taken back."""

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from events import open_log
from events.log.port import NewRecord
from local.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

WEBSHOP = "/partners/webshop"
SETTLE_SECONDS = 240.0
STRUCTURED = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
As = Callable[..., httpx.Client]


def order(product: str, *, order_id: str | None = None, minor: int = 1_000) -> dict[str, Any]:
    order_id = order_id or uuid.uuid4().hex
    return event(
        "order.paid",
        order_id,
        {
            "order_id": order_id,
            "amount": {"amount_minor": minor, "currency": "USD"},
            "dimensions": {"product": product},
        },
    )


def event(kind: str, subject: str | None, data: dict[str, Any]) -> dict[str, Any]:
    made = {
        "specversion": "1.0",
        "id": uuid.uuid4().hex,
        "source": WEBSHOP,
        "type": f"com.tandem.partner.{kind}.v1",
        "time": datetime.now(UTC).isoformat(),
        "data": data,
    }
    return made | ({"subject": subject} if subject else {})


def send(partner: httpx.Client, one: dict[str, Any]) -> httpx.Response:
    return partner.post("/v1/events", content=json.dumps(one), headers=STRUCTURED)


@pytest.fixture
def partner(as_role: As) -> httpx.Client:
    return as_role("partner", sources=(WEBSHOP,))


@pytest.fixture
def product() -> str:
    """A product of the test's own, so that its revenue is nobody else's."""
    return f"p-{uuid.uuid4().hex[:12]}"


def wait_for_revenue(as_role: As, product: str, minor: int, orders: int | None = None) -> None:
    boss, seen = as_role("boss"), None
    deadline = time.monotonic() + SETTLE_SECONDS
    query = {"period": f"{datetime.now(UTC):%Y}", "filter": f"product:{product}"}
    while time.monotonic() < deadline:
        response = boss.get("/v1/kpis/revenue_net", params=query)
        assert response.status_code == 200, response.text
        row = response.json()["periods"][0]["rows"][0]
        seen = row["value"] or 0, row["n"]
        if seen[0] == minor and orders in (None, seen[1]):
            return
        time.sleep(0.1)
    pytest.fail(f"revenue and orders are {seen}, expected {minor} and {orders}")


def test_an_order_sent_twice_counts_once(partner: httpx.Client, as_role: As, product: str) -> None:
    paid = order(product)
    first, second = send(partner, paid), send(partner, paid)
    assert (first.status_code, second.status_code) == (202, 202)
    assert (first.json()["status"], second.json()["status"]) == ("accepted", "duplicate")
    last = order(product, minor=1)
    assert send(partner, last).status_code == 202
    wait_for_revenue(as_role, product, 1_001, orders=2)


def test_the_same_id_with_other_content_is_a_conflict_and_the_first_stands(
    partner: httpx.Client, as_role: As, product: str
) -> None:
    paid = order(product)
    assert send(partner, paid).status_code == 202
    changed = paid | {"data": paid["data"] | {"amount": {"amount_minor": 9, "currency": "USD"}}}
    refused = send(partner, changed)
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    wait_for_revenue(as_role, product, 1_000, orders=1)


def test_a_second_event_about_an_order_replaces_the_first(
    partner: httpx.Client, as_role: As, product: str
) -> None:
    first = order(product, minor=500)
    corrected = order(product, order_id=first["subject"], minor=700)
    send(partner, first)
    answer = send(partner, corrected).json()
    assert answer["replaces"] == first["id"]
    wait_for_revenue(as_role, product, 700, orders=1)


def test_a_refund_takes_its_money_from_revenue_as_the_sale_was_cut(
    partner: httpx.Client, as_role: As, product: str
) -> None:
    paid = order(product, minor=2_000)
    refund = event(
        "payment.refunded",
        (refund_id := uuid.uuid4().hex),
        {
            "refund_id": refund_id,
            "source_type": "order",
            "source_id": paid["subject"],
            "amount": {"amount_minor": 300, "currency": "USD"},
        },
    )
    assert send(partner, refund).status_code == 202
    assert send(partner, paid).status_code == 202
    wait_for_revenue(as_role, product, 1_700)


def test_a_voided_event_never_happened(partner: httpx.Client, as_role: As, product: str) -> None:
    kept, voided = order(product, minor=10), order(product, minor=90)
    for one in (kept, voided):
        assert send(partner, one).status_code == 202
    wait_for_revenue(as_role, product, 100)
    void = event("event.voided", None, {"event_id": voided["id"], "reason": "test"})
    assert send(partner, void).status_code == 202
    wait_for_revenue(as_role, product, 10, orders=1)


def test_one_bad_event_of_a_batch_does_not_cost_the_others(
    partner: httpx.Client, as_role: As, product: str
) -> None:
    bad = order(product)
    bad["data"] = bad["data"] | {"amuont": 1}
    batch = [order(product, minor=1), bad, order(product, minor=2)]
    answer = partner.post("/v1/events", content=json.dumps(batch), headers=BATCH)
    assert answer.status_code == 207
    results = answer.json()["results"]
    assert [result["status"] for result in results] == ["accepted", "rejected", "accepted"]
    assert "amuont" in json.dumps(results[1])
    wait_for_revenue(as_role, product, 3, orders=2)


def test_a_partner_speaks_only_for_its_own_source(as_role: As, product: str) -> None:
    stranger = as_role("partner", sources=("/partners/other",))
    assert send(stranger, order(product)).status_code == 403


async def test_poison_on_a_topic_is_parked_and_the_others_flow(
    stack: Stack, partner: httpx.Client, as_role: As, product: str
) -> None:
    sre = as_role("sre")
    key = uuid.uuid4().hex.encode()
    async with open_log(stack.event_log) as log:
        producer = await log.producer()
        await producer.publish(
            [NewRecord(topic="partner", key=key, value=b"\xff{not json", headers=[])]
        )
        await producer.close()
    assert send(partner, order(product, minor=5)).status_code == 202
    wait_for_revenue(as_role, product, 5, orders=1)
    parked = [one for one in sre.get("/v1/parked").json()["items"] if one["topic"] == "partner"]
    assert parked
    for one in parked:
        shown = sre.get(f"/v1/parked/{one['id']}").json()
        assert shown["reason"]
        gone = sre.post(f"/v1/parked/{one['id']}/discard", json={"reason": "poison of a test"})
        assert gone.status_code in (200, 202), gone.text
    deadline = time.monotonic() + SETTLE_SECONDS
    while any(one["topic"] == "partner" for one in sre.get("/v1/parked").json()["items"]):
        assert time.monotonic() < deadline, "the discarded record is still listed"
        await asyncio.sleep(0.2)
