"""From a won deal's 2xx to the pushed KPI, through the front door, one deal after the other."""

from __future__ import annotations

import json
import threading
import time
import uuid
from datetime import UTC, datetime
from queue import Empty, Queue
from typing import Any

import httpx

from bench.report import Figure, milliseconds
from local.stack import Stack

DEALS = 60
PATIENCE_SECONDS = 20.0


def at_rest(stack: Stack) -> Figure:
    """Win deals one after the other, and wait for each push."""
    delays = _win_deals(stack)
    return Figure(
        "2xx of a won deal to the pushed KPI, at rest", milliseconds(delays), f"{len(delays)} deals"
    )


def _win_deals(stack: Stack) -> list[float]:
    product = f"bench-{uuid.uuid4().hex[:8]}"
    boss, lead = _client(stack, "boss"), _client(stack, "sales_lead")
    _ok(_client(stack, "admin").post("/v1/products", json={"code": product, "name": product}))
    pushed: Queue[tuple[float, Any]] = Queue()
    closing = threading.Event()
    listener = threading.Thread(
        target=_listen, args=(boss, product, pushed), kwargs={"closing": closing}, daemon=True
    )
    listener.start()
    pushed.get(timeout=PATIENCE_SECONDS)
    customer = _ok(lead.post("/v1/customers", json={"name": "Bench"}))["id"]
    delays = []
    for number in range(1, DEALS + 1):
        deal = _open(lead, customer, product)
        won = lead.post(
            f"/v1/deals/{deal['id']}/win", json={}, headers={"if-match": f'"{deal["version"]}"'}
        )
        answered_at = time.monotonic()
        _ok(won)
        delays.append(_await_count(pushed, number) - answered_at)
        time.sleep(0.05)
    closing.set()
    return delays


def _open(lead: httpx.Client, customer: str, product: str) -> Any:
    """A deal of 1.00; a customer who was registered a moment ago may not be known yet."""
    body = {
        "pipeline": "standard",
        "customer_id": customer,
        "product": product,
        "amount": {"amount_minor": 100, "currency": "USD"},
    }
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        response = lead.post("/v1/deals", json=body)
        if response.is_success or time.monotonic() > deadline:
            return _ok(response)
        time.sleep(0.05)


def _listen(
    boss: httpx.Client, product: str, pushed: Queue[tuple[float, Any]], *, closing: threading.Event
) -> None:
    query = {
        "kpi": "revenue_net",
        "period": f"{datetime.now(UTC):%Y}",
        "filter": f"product:{product}",
    }
    with boss.stream("GET", "/v1/kpis/stream", params=query, timeout=None) as response:
        for line in response.iter_lines():
            if line.startswith("data:"):
                pushed.put((time.monotonic(), json.loads(line.removeprefix("data:"))))
            if closing.is_set():
                return


def _await_count(pushed: Queue[tuple[float, Any]], number: int) -> float:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            at, answer = pushed.get(timeout=max(0.01, deadline - time.monotonic()))
        except Empty:
            raise TimeoutError(f"the push of deal {number} did not come") from None
        if (answer["periods"][0]["rows"][0]["n"] or 0) >= number:
            return at


def _client(stack: Stack, role: str) -> httpx.Client:
    token = stack.token(role)
    return httpx.Client(
        base_url=stack.url, headers={"authorization": f"Bearer {token}"}, timeout=30
    )


def _ok(response: httpx.Response) -> Any:
    if not response.is_success:
        raise RuntimeError(f"{response.request.url}: {response.status_code} {response.text[:500]}")
    return response.json()
