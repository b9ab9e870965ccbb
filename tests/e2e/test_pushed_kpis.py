"""A won deal from the front door to the pushed KPI, and what guards concurrent edits on the way."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

PUSH_SECONDS = 120.0
As = Callable[..., httpx.Client]


@pytest.fixture
def product(as_role: As) -> str:
    """A product of the test's own, so that its revenue is nobody else's."""
    code = f"p-{uuid.uuid4().hex[:12]}"
    created = as_role("admin").post("/v1/products", json={"code": code, "name": code})
    assert created.status_code == 201, created.text
    return code


def open_deal(lead: httpx.Client, product: str) -> Any:
    """A deal of 1,000.00 with a customer who is known to the pipeline."""
    customer = lead.post("/v1/customers", json={"name": "Pushed Ltd", "segment": "small"})
    assert customer.status_code == 201, customer.text
    body = {
        "pipeline": "standard",
        "customer_id": customer.json()["id"],
        "product": product,
        "amount": {"amount_minor": 100_000, "currency": "USD"},
    }
    deadline = time.monotonic() + PUSH_SECONDS
    while (made := lead.post("/v1/deals", json=body)).status_code != 201:
        # The customer is heard of by an event, a moment later.
        assert made.json().get("retryable"), made.text
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return made.json()


def win(lead: httpx.Client, deal: Any) -> httpx.Response:
    return lead.post(
        f"/v1/deals/{deal['id']}/win", json={}, headers={"if-match": f'"{deal["version"]}"'}
    )


def question(product: str) -> dict[str, str]:
    return {"period": f"{datetime.now(UTC):%Y}", "filter": f"product:{product}"}


def answers(response: httpx.Response) -> Iterator[tuple[str, Any]]:
    """Pushed answers with their ids."""
    event_id = ""
    for line in response.iter_lines():
        if line.startswith("id:"):
            event_id = line.removeprefix("id:").strip()
        elif line.startswith("data:"):
            answer = json.loads(line.removeprefix("data:"))
            if "periods" in answer:
                yield event_id, answer


def revenue(answer: Any) -> Any:
    return answer["periods"][0]["rows"][0]["value"]


def test_a_won_deal_is_pushed_and_a_stream_resumes_where_it_was(as_role: As, product: str) -> None:
    boss, lead = as_role("boss"), as_role("sales_lead")
    query = {"kpi": "revenue_net", **question(product)}
    deal = open_deal(lead, product)
    with boss.stream("GET", "/v1/kpis/stream", params=query, timeout=PUSH_SECONDS) as stream:
        pushed = answers(stream)
        _, before = next(pushed)
        assert not revenue(before)
        assert win(lead, deal).status_code == 200
        last_id, after = next(pushed)
        while revenue(after) != 100_000:
            last_id, after = next(pushed)
    other = open_deal(lead, product)
    assert win(lead, other).status_code == 200
    resumed = {"last-event-id": last_id}
    with boss.stream(
        "GET", "/v1/kpis/stream", params=query, headers=resumed, timeout=PUSH_SECONDS
    ) as stream:
        assert any(revenue(answer) == 200_000 for _, answer in answers(stream))


def test_an_answer_that_has_not_changed_is_not_sent_again(as_role: As, product: str) -> None:
    boss = as_role("boss")
    first = boss.get("/v1/kpis/revenue_net", params=question(product))
    again = boss.get(
        "/v1/kpis/revenue_net",
        params=question(product),
        headers={"if-none-match": first.headers["etag"]},
    )
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert "tandem-watermark" in again.headers


def test_a_stale_edit_is_refused_and_shows_what_changed(as_role: As, product: str) -> None:
    lead = as_role("sales_lead")
    deal = open_deal(lead, product)
    body = {"amount": {"amount_minor": 5, "currency": "USD"}}
    headers = {"if-match": f'"{deal["version"]}"'}
    path = f"/v1/deals/{deal['id']}/amount"
    assert lead.post(path, json=body, headers=headers).status_code == 200
    stale = lead.post(path, json=body, headers=headers)
    assert stale.status_code == 412
    problem = stale.json()
    assert problem["current"]["version"] == deal["version"] + 1
    assert any("amount" in field for field in problem["changed"])
    assert lead.post(path, json=body).status_code == 428


def test_a_customers_whole_view_holds_its_deals(as_role: As, product: str) -> None:
    lead = as_role("sales_lead", "ops_lead")
    deal = open_deal(lead, product)
    view = lead.get(f"/v1/customers/{deal['customer_id']}/overview")
    assert view.status_code == 200, view.text
    assert view.json()["partial"] is False
    assert deal["id"] in view.text


def test_a_deal_won_at_half_past_eleven_at_night_counts_on_that_day(
    as_role: As, product: str
) -> None:
    """The company lives in Asia/Shanghai: 23:30 there is still the UTC afternoon."""
    keeper = as_role("importer", "sales_lead")
    deal = open_deal(keeper, product)
    history = {
        "rows": [
            {
                "external_ref": f"late-{product}",
                "customer_id": deal["customer_id"],
                "product": product,
                "amount": {"amount_minor": 77, "currency": "USD"},
                "created_at": "2025-03-01T10:00:00+08:00",
                "closed_at": "2025-03-31T23:30:00+08:00",
                "outcome": "won",
            }
        ]
    }
    imported = keeper.post("/v1/deals/import", json=history)
    assert imported.json()["results"][0]["status"] == "created", imported.text
    boss, deadline = as_role("boss"), time.monotonic() + PUSH_SECONDS
    query = {
        "grain": "day",
        "from": "2025-03-31",
        "to": "2025-04-02",
        "filter": f"product:{product}",
    }
    values: list[Any] = []
    while values != [77, 0]:
        assert time.monotonic() < deadline, values
        time.sleep(0.1)
        periods = boss.get("/v1/kpis/revenue_net", params=query).json()["periods"]
        values = [period["rows"][0]["value"] or 0 for period in periods]
