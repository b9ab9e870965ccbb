from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import asyncpg
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from chassis.auth import current_actor
from chassis.auth.dependencies import Requirement
from chassis.routes import refuse_unknown_query
from gateway.ratelimit import count_request

House = Any
SHOP = "https://shop.example.com"
STRUCTURED = {"Content-Type": "application/cloudevents+json"}
BATCH = {"Content-Type": "application/cloudevents-batch+json"}


def order(event_id: str = "e1", order_id: str = "o1", **changes: Any) -> dict[str, Any]:
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": SHOP,
        "type": "com.tandem.partner.order.paid.v1",
        "time": "2026-03-01T10:00:00Z",
        "data": {"order_id": order_id, "amount": {"amount_minor": 1000, "currency": "USD"}},
    }
    return {**event, **changes}


def void(event_id: str, voided: str) -> dict[str, Any]:
    return order(
        event_id,
        type="com.tandem.partner.event.voided.v1",
        data={"event_id": voided, "reason": "duplicate"},
    )


def partner(house: House) -> dict[str, str]:
    bearer: dict[str, str] = house.bearer("partner", sources=[SHOP])
    return bearer


async def send(house: House, event: Any, **headers: str) -> Any:
    sent = partner(house) | (BATCH if isinstance(event, list) else STRUCTURED) | headers
    return await house.client.post("/v1/events", content=json.dumps(event), headers=sent)


PROMISED = """
SELECT i.*, o.aggregatetype AS topic
FROM outbox o JOIN inbox i ON i.source = o.source AND i.received_at = o.recorded_at
  AND i.position >= o.aggregate_version
  AND i.position < o.aggregate_version + (o.payload->>'events')::bigint
ORDER BY o.id, i.position"""


async def promised(house: House) -> list[Any]:
    """The events that the rows of the outbox stand for."""
    connection = await asyncpg.connect(house.app.state.resources.settings.database_url)
    try:
        return await connection.fetch(PROMISED)
    finally:
        await connection.close()


async def test_accepted_event_is_in_the_outbox_of_the_topic_partner(house: House) -> None:
    answer = await send(house, order())
    assert answer.status_code == 202
    assert answer.json()["status"] == "accepted"
    assert answer.json()["sequence"] == 1
    [row] = await promised(house)
    assert row["topic"] == "partner"
    assert (row["source"], row["event_id"], row["subject"]) == (SHOP, "e1", "o1")
    assert row["sequence"] == 1
    assert json.loads(row["content"])["amount"] == {"amount_minor": 1000, "currency": "USD"}


async def test_same_event_again_is_a_duplicate_and_counts_once(house: House) -> None:
    first = await send(house, order())
    respelt = order(time="2026-03-01T18:00:00+08:00")
    again = await send(house, respelt)
    assert again.status_code == 202
    assert again.json() == {**first.json(), "status": "duplicate"}
    assert len(await promised(house)) == 1


async def test_same_id_with_other_content_is_shown_as_a_conflict(house: House) -> None:
    await send(house, order())
    answer = await send(house, order(data=order()["data"] | {"customer_id": "c9"}))
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["outcome"] == "conflict"
    assert answer.json()["hint"]
    assert len(await promised(house)) == 1


async def test_second_event_about_a_subject_says_what_it_replaces(house: House) -> None:
    await send(house, order("e1"))
    second = await send(house, order("e2"))
    assert second.json()["sequence"] == 2
    assert second.json()["replaces"] == "e1"
    voided = await send(house, void("e3", "e1"))
    assert voided.json()["subject"] == "o1"
    assert voided.json()["sequence"] == 3
    assert voided.json()["replaces"] == "e2"


async def test_voiding_what_was_never_sent_is_rejected(house: House) -> None:
    answer = await send(house, void("e3", "nothing"))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "data.event_id"
    assert await promised(house) == []


async def test_binary_mode(house: House) -> None:
    headers = partner(house) | {
        "Content-Type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "e%201",
        "ce-source": SHOP,
        "ce-type": "com.tandem.partner.payment.refunded.v1",
        "ce-time": "2026-03-01T10:00:00Z",
        "ce-campaign": "spring",
    }
    body = {
        "refund_id": "r1",
        "source_type": "order",
        "source_id": "o1",
        "amount": {"amount_minor": 5, "currency": "EUR", "rate": "1.08", "rate_on": "2026-03-01"},
    }
    answer = await house.client.post("/v1/events", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    assert answer.json()["id"] == "e 1"
    [row] = await promised(house)
    assert json.loads(row["extensions"]) == {"campaign": "spring"}


async def test_batch_takes_the_good_and_names_the_rest(house: House) -> None:
    await send(house, order("known", "o0"))
    events = [
        order("a", "o1"),
        order("a", "o1"),
        order("a", "o2"),
        order("b", "o1"),
        void("c", "a"),
        order("known", "o0"),
        order("known", "o9"),
        order("x", source="https://other.example.com"),
        order("y", data={"order_id": "o1", "amount": {"amount_minor": "5", "currency": "USD"}}),
        {"nonsense": True},
        17,
        void("d", "never"),
    ]
    answer = await send(house, events)
    assert answer.status_code == 207
    results = answer.json()["results"]
    assert [one["status"] for one in results] == [
        *("accepted", "duplicate", "conflict", "accepted", "accepted", "duplicate", "conflict"),
        *("rejected",) * 5,
    ]
    assert [one.get("sequence") for one in results[:5]] == [1, 1, None, 2, 3]
    assert [one.get("replaces") for one in results[3:5]] == ["a", "b"]
    problems = [one["problem"] for one in results if one["status"] in {"conflict", "rejected"}]
    assert all(problem["hint"] for problem in problems)
    assert results[8]["problem"]["errors"][0]["field"] == "data.amount.amount_minor"
    assert len(await promised(house)) == 4


async def test_batch_that_is_all_taken_answers_202(house: House) -> None:
    events = [order(f"e{n}", f"o{n % 7}") for n in range(500)]
    first, again = await send(house, events), await send(house, events)
    assert first.status_code == again.status_code == 202
    assert {one["status"] for one in again.json()["results"]} == {"duplicate"}
    assert (await send(house, [])).json() == {"results": []}


async def test_requests_at_once_count_each_event_once_and_number_without_holes(
    house: House,
) -> None:
    rng = random.Random(7)
    pool = [order(f"e{n}", f"o{n % 5}") for n in range(60)]

    async def one() -> Any:
        return await send(house, rng.sample(pool, 30))

    answers = await asyncio.gather(*(one() for _ in range(16)))
    assert {answer.status_code for answer in answers} == {202}
    results = [result for answer in answers for result in answer.json()["results"]]
    accepted = [one["id"] for one in results if one["status"] == "accepted"]
    assert len(accepted) == len(set(accepted))
    numbered: dict[str, dict[str, int]] = defaultdict(dict)
    for one_result in results:
        known = numbered[one_result["subject"]].setdefault(one_result["id"], one_result["sequence"])
        assert known == one_result["sequence"]
    for sequences in numbered.values():
        assert sorted(sequences.values()) == list(range(1, len(sequences) + 1))
    assert len(await promised(house)) == len(accepted)


NOT_VALID: list[tuple[dict[str, Any], str]] = [
    ({"specversion": "0.3"}, "specversion"),
    ({"id": ""}, "id"),
    ({"id": None}, "id"),
    ({"id": "x" * 600}, "id"),
    ({"id": "a\u0000b"}, "id"),
    ({"time": "yesterday"}, "time"),
    ({"time": None}, "time"),
    ({"time": "0000-01-01T00:00:00Z"}, "time"),
    ({"time": "0001-01-01T00:00:00Z"}, "time"),
    ({"type": "com.tandem.kpi.kpi.changed.v1"}, "type"),
    ({"type": "x"}, "type"),
    ({"subject": "other"}, "subject"),
    ({"sequence": "1"}, "sequence"),
    ({"datacontenttype": "text/xml"}, "datacontenttype"),
    ({"data": None}, "data"),
    ({"data": []}, "data"),
    ({"data": {"order_id": "o1"}}, "data"),
    (
        {"data": {"order_id": "o\u0000", "amount": {"amount_minor": 1, "currency": "USD"}}},
        "data.order_id",
    ),
    (
        {"data": {"order_id": "o1", "amount": {"amount_minor": 1, "currency": "usd"}}},
        "data.amount.currency",
    ),
    (
        {"data": {"order_id": "o1", "amount": {"amount_minor": 1.5, "currency": "USD"}}},
        "data.amount.amount_minor",
    ),
    (
        {"data": {"order_id": "o1", "amount": {"amount_minor": 10**16, "currency": "USD"}}},
        "data.amount.amount_minor",
    ),
    (
        {"data": {"order_id": "o1", "amount": {"amount_minor": 1, "currency": "USD"}, "x": 1}},
        "data",
    ),
]


async def test_event_that_is_not_valid_is_refused_by_field(house: House) -> None:
    for changes, field in NOT_VALID:
        answer = await send(house, order(**changes))
        assert answer.status_code == 422, (changes, answer.text)
        problem = answer.json()
        assert problem["errors"][0]["field"].startswith(field), changes
        assert problem["hint"], changes
    assert await promised(house) == []


async def test_requests_that_are_no_events_are_refused(house: House) -> None:
    deep = b'{"data":' + b"[" * 5000 + b"]" * 5000 + b"}"
    for body, content_type, status in (
        (b"", "application/cloudevents+json", 422),
        (b"{", "application/cloudevents+json", 422),
        (b"null", "application/cloudevents+json", 422),
        (b"\xff\xfe", "application/cloudevents+json", 422),
        (b'{"id":1e400}', "application/cloudevents+json", 422),
        (b'{"id":NaN}', "application/cloudevents+json", 422),
        (b"{}", "application/cloudevents-batch+json", 400),
        (b"[", "application/cloudevents-batch+json", 400),
        (b"\xff", "application/cloudevents-batch+json", 400),
        (deep, "application/cloudevents+json", 422),
        (b"[" * 100_000, "application/cloudevents-batch+json", 400),
        (b"[" + b",".join([b"{}"] * 501) + b"]", "application/cloudevents-batch+json", 413),
        (b'["' + b"x" * 1_100_000 + b'"]', "application/cloudevents-batch+json", 413),
        (b"{}", "application/json", 400),
        (b"{}", "text/plain", 400),
    ):
        headers = partner(house) | {"Content-Type": content_type}
        answer = await house.client.post("/v1/events", content=body, headers=headers)
        assert answer.status_code == status, (body[:20], content_type, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    squeezed = partner(house) | STRUCTURED | {"Content-Encoding": "gzip"}
    answer = await house.client.post("/v1/events", content=b"\x1f\x8b", headers=squeezed)
    assert answer.status_code == 400


async def test_only_partners_publish_and_only_for_their_sources(house: House) -> None:
    headers = house.bearer("sales_lead", sources=[SHOP]) | STRUCTURED
    answer = await house.client.post("/v1/events", json=order(), headers=headers)
    assert answer.status_code == 403
    headers = house.bearer("partner") | STRUCTURED
    answer = await house.client.post("/v1/events", content=json.dumps(order()), headers=headers)
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["field"] == "source"
    assert await promised(house) == []


async def test_nothing_is_acknowledged_while_the_database_is_away(
    build_house: Any, durable_postgres: Any
) -> None:
    url = durable_postgres.new_database("gateway")
    async with build_house(database_url=url) as house:
        await house.heard()
        durable_postgres.kill()
        refused = await send(house, order())
        assert refused.status_code == 503, refused.text
        assert refused.headers["retry-after"]
        durable_postgres.start()
        assert (await send(house, order())).json()["status"] == "accepted"
        assert len(await promised(house)) == 1


async def test_publishing_goes_past_no_rule_that_its_route_declares(house: House) -> None:
    """It does by itself what FastAPI would do for its dependencies: there must be no others."""
    routes = iter_route_contexts(house.app.routes)
    [route] = [r for r in routes if r.path == "/v1/events" and "POST" in (r.methods or ())]
    found = set(_calls(route.dependant))
    permissions = {call.permission for call in found if isinstance(call, Requirement)}
    assert permissions == {"events:publish"}
    assert {call for call in found if not isinstance(call, Requirement)} == {
        *(refuse_unknown_query, current_actor, count_request)
    }

    sender = partner(house) | STRUCTURED
    reader = house.bearer("sales_lead") | STRUCTURED
    body = json.dumps(order())
    unknown = await house.client.post("/v1/events?dry=1", content=body, headers=sender)
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "query.dry")
    assert (await house.client.post("/v1/events", content=body, headers=reader)).status_code == 403
    taken = await house.client.post("/v1/events", content=body, headers=sender)
    assert (taken.status_code, "ratelimit" in taken.headers) == (202, True)


def _calls(dependant: Dependant) -> Iterator[Any]:
    for child in dependant.dependencies:
        yield child.call
        yield from _calls(child)
