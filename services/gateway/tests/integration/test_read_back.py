"""Partners read back what they sent: all of it, in order, and nobody else's."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx

House = Any
SHOP = "https://shop.example.com"
OTHER = "https://other.example.com"
BATCH = {"Content-Type": "application/cloudevents-batch+json"}
LINES = {"Accept": "application/x-ndjson"}


def order(event_id: str, order_id: str = "o1", **changes: Any) -> dict[str, Any]:
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
    data = {"event_id": voided, "reason": "duplicate"}
    return order(event_id, type="com.tandem.partner.event.voided.v1", data=data)


def partner(house: House, *sources: str) -> dict[str, str]:
    bearer: dict[str, str] = house.bearer("partner", sources=list(sources or [SHOP]))
    return bearer


async def send(house: House, events: list[Any], *sources: str) -> list[str]:
    answer = await house.client.post(
        "/v1/events", content=json.dumps(events), headers=partner(house, *sources) | BATCH
    )
    return [result["status"] for result in answer.json()["results"]]


async def read(
    house: House, headers: dict[str, str], path: str = "/v1/events", **query: Any
) -> Any:
    answer = await house.client.get(path, params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_event_comes_back_as_it_was_sent(house: House) -> None:
    sent = order(
        "e1",
        time="2026-03-01T18:00:00+08:00",
        campaign="spring",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    assert await send(house, [sent]) == ["accepted"]
    found = await read(house, partner(house), "/v1/events/e1")
    assert found["event"] == sent | {
        "time": "2026-03-01T10:00:00Z",
        "subject": "o1",
        "datacontenttype": "application/json",
    }
    assert (found["position"], found["sequence"], found["verdict"]) == (1, 1, "accepted")
    assert found["state"] == "waiting"


async def test_refused_events_come_back_with_their_reasons(house: House) -> None:
    sent = [order("a"), order("a", "o9"), order("b", data={"order_id": 5}), {"no": "event"}]
    assert await send(house, sent) == ["accepted", "conflict", "rejected", "rejected"]
    page = await read(house, partner(house))
    assert [one["position"] for one in page["items"]] == [1, 2, 3, 4]
    assert [one["verdict"] for one in page["items"]] == [
        *("accepted", "conflict", "rejected", "rejected")
    ]
    refused = page["items"][2]
    assert refused["problem"]["errors"][0]["field"] == "data.order_id"
    assert json.loads(refused["content"])["data"] == {"order_id": 5}
    only = await read(house, partner(house), verdict="conflict")
    assert [one["position"] for one in only["items"]] == [2]
    shown = await read(house, partner(house), "/v1/events/b")
    assert (shown["verdict"], shown["state"]) == ("rejected", "refused")


async def test_corrections_are_told_on_what_they_correct(house: House) -> None:
    await send(house, [order("a"), order("b"), void("c", "a")])
    items = (await read(house, partner(house)))["items"]
    assert items[0]["followed_by"] == "b"
    assert items[0]["voided_by"] == "c"
    assert items[1]["replaces"] == "a"
    assert "voided_by" not in items[1]


async def test_nobody_sees_another_partners_source(house: House) -> None:
    await send(house, [order("mine")])
    stranger = partner(house, OTHER)
    assert (await read(house, stranger))["items"] == []
    assert (await read(house, stranger, "/v1/events/counts"))["items"] == []
    shown = await house.client.get("/v1/events/mine", headers=stranger)
    assert shown.status_code == 404
    asked = await house.client.get("/v1/events", params={"source": SHOP}, headers=stranger)
    absent = await house.client.get("/v1/events", params={"source": "/nobody"}, headers=stranger)
    assert (asked.status_code, absent.status_code) == (403, 403)
    assert asked.json()["detail"] == absent.json()["detail"]
    cursor = (await read(house, partner(house)))["next_cursor"]
    assert (await read(house, stranger, cursor=cursor))["items"] == []
    reps = await house.client.get("/v1/events", headers=house.bearer("sales_rep"))
    assert reps.status_code == 403


async def test_operators_see_envelopes_and_no_data(house: House) -> None:
    await send(house, [order("a"), order("b", data={"secret": 1})])
    items = (await read(house, house.bearer("sre")))["items"]
    assert [one["event"]["id"] for one in items] == ["a", "b"]
    assert all("data" not in one["event"] and "content" not in one for one in items)
    assert items[1]["problem"]["errors"]


async def test_pages_go_on_where_they_ended_over_several_sources(house: House) -> None:
    both = partner(house, SHOP, OTHER)
    for n in range(4):
        await send(house, [order(f"s{n}"), order(f"t{n}", source=OTHER)], SHOP, OTHER)
    seen, cursor = [], None
    for _ in range(10):
        page = await read(house, both, limit=3, **({"cursor": cursor} if cursor else {}))
        seen += [one["event"]["id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if not page["more"]:
            break
    assert sorted(seen) == sorted([f"{of}{n}" for of in "st" for n in range(4)])
    assert [one for one in seen if one.startswith("s")] == ["s0", "s1", "s2", "s3"]
    assert (await read(house, both, cursor=cursor))["items"] == []
    await send(house, [order("later")])
    again = await read(house, both, cursor=cursor)
    assert [one["event"]["id"] for one in again["items"]] == ["later"]


async def test_a_feed_begins_at_a_time_and_ends_before_another(house: House) -> None:
    await send(house, [order("a")])
    between = datetime.now(UTC).isoformat()
    await send(house, [order("b")])
    later = await read(house, partner(house), received_from=between)
    earlier = await read(house, partner(house), received_to=between)
    assert [one["event"]["id"] for one in later["items"]] == ["b"]
    assert [one["event"]["id"] for one in earlier["items"]] == ["a"]


async def test_a_feed_begins_at_any_position(house: House) -> None:
    """Also within a batch, which came at one instant, and where refused ones are forgotten."""
    for batch in range(4):
        await send(house, [order(f"e{batch}-{n}") for n in range(5)])
    await send(house, [{"no": "event"}])
    await send(house, [order("last")])
    async with house.app.state.resources.database.pool.acquire() as connection:
        await connection.execute("DELETE FROM inbox WHERE verdict <> 'accepted'")
    every = [*range(1, 21), 22]
    for first in range(1, 23):
        page = await read(house, partner(house), position_from=first)
        assert [one["position"] for one in page["items"]] == [p for p in every if p >= first]
    streamed = await lines(house, -1, position_from=13, follow="false")
    assert [one["position"] for one in streamed] == [*range(13, 21), 22]
    after = await read(house, partner(house), position_from=1, cursor=streamed[2]["cursor"])
    assert after["items"][0]["position"] == 16
    beyond = await read(house, partner(house), position_from=2**63 - 1)
    assert (beyond["items"], beyond["more"]) == ([], False)
    both = await house.client.get(
        "/v1/events", params={"position_from": 1}, headers=partner(house, SHOP, OTHER)
    )
    assert both.status_code == 422
    assert both.json()["errors"][0]["field"] == "query.position_from"
    assert (await read(house, partner(house, OTHER), position_from=5))["items"] == []


async def test_ids_that_look_like_paths_are_found(house: House) -> None:
    ids = ["a/b", "https://shop.example.com/orders/7?x=1#y", "订单/1", "100%"]
    await send(house, [order(one) for one in ids])
    for one in ids:
        found = await read(house, partner(house), f"/v1/events/{quote(one, safe='')}")
        assert found["event"]["id"] == one
    assert (await read(house, partner(house), "/v1/events/counts"))["items"]


async def test_filters_by_type_and_subject(house: House) -> None:
    await send(house, [order("a", "o1"), order("b", "o2"), void("c", "a")])
    by_subject = await read(house, partner(house), subject="o1")
    assert [one["event"]["id"] for one in by_subject["items"]] == ["a", "c"]
    by_type = await read(house, partner(house), type="com.tandem.partner.order.paid.v1")
    assert [one["event"]["id"] for one in by_type["items"]] == ["a", "b"]


async def test_counts_say_what_came_on_which_day(house: House) -> None:
    late = order("late", time="2026-02-28T17:00:00Z")  # the first of March in Shanghai
    await send(house, [order("a"), late, order("x", data={}), order("a"), order("a", "o7")])
    counts = await read(house, partner(house), "/v1/events/counts")
    assert counts["time_zone"] == "Asia/Shanghai"
    found = {(one["day"], one["verdict"]): one["events"] for one in counts["items"]}
    assert found[("2026-03-01", "accepted")] == 2
    assert found[("2026-03-01", "duplicate")] == 1
    assert found[("2026-03-01", "conflict")] == 1
    assert found[(None, "rejected")] == 1
    received = await read(house, partner(house), "/v1/events/counts", by="received")
    assert sum(one["events"] for one in received["items"]) == 5
    nothing = await read(house, partner(house), "/v1/events/counts", to="2026-03-01")
    assert nothing["items"] == []


async def lines(house: House, stop_after: int, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with house.client.stream(
        "GET", "/v1/events/stream", params=query, headers=partner(house) | LINES
    ) as answer:
        assert answer.status_code == 200, await answer.aread()
        async for line in answer.aiter_lines():
            if line:
                found.append(json.loads(line))
            if len(found) == stop_after:
                break
    return found


async def test_a_follower_misses_nothing_while_many_write(house: House) -> None:
    async def write(who: int) -> None:
        for n in range(5):
            await send(house, [order(f"{who}-{n}-{k}", f"o{k}") for k in range(10)])

    def followers() -> float | None:
        registry = house.app.state.resources.telemetry.registry
        counted: float | None = registry.get_sample_value("gateway_event_streams_open")
        return counted

    following = asyncio.create_task(lines(house, 300))
    await house.eventually(lambda: followers() == 1)
    await asyncio.gather(*(write(who) for who in range(6)))
    found = await asyncio.wait_for(following, 60)
    await house.eventually(lambda: followers() == 0)
    assert [one["position"] for one in found] == list(range(1, 301))
    assert len({one["event"]["id"] for one in found}) == 300


async def test_a_stream_resumes_after_the_last_line(house: House) -> None:
    await send(house, [order(f"e{n}") for n in range(6)])
    first = await lines(house, 2)
    rest = await lines(house, -1, cursor=first[-1]["cursor"], follow="false")
    assert [one["event"]["id"] for one in first + rest] == [f"e{n}" for n in range(6)]


async def test_a_stream_that_a_restart_cut_resumes_at_the_next_gateway(
    build_house: Any, new_database: Any
) -> None:
    database = new_database("gateway")
    async with build_house(database_url=database) as house:
        await send(house, [order(f"e{n}") for n in range(3)])
        begun = await lines(house, 2)
    async with build_house(database_url=database) as house:
        await send(house, [order("e3")])
        rest = await lines(house, 2, cursor=begun[-1]["cursor"])
    assert [one["event"]["id"] for one in rest] == ["e2", "e3"]


async def test_server_sent_events_resume_by_last_event_id(house: House) -> None:
    await send(house, [order("a"), order("b")])

    async def texts(**headers: str) -> list[str]:
        answer: httpx.Response = await house.client.get(
            "/v1/events/stream",
            params={"follow": "false"},
            headers=partner(house) | headers,
        )
        assert answer.headers["content-type"].startswith("text/event-stream")
        return [part for part in answer.text.split("\n\n") if part.startswith("id:")]

    both = await texts()
    assert len(both) == 2
    last_id = both[0].splitlines()[0].removeprefix("id: ")
    assert await texts(**{"Last-Event-ID": last_id}) == both[1:]


async def test_a_cursor_that_is_not_ours_is_refused(house: House) -> None:
    for cursor in ("x", "AAAA" * 20, "é"):
        answer = await house.client.get(
            "/v1/events", params={"cursor": cursor}, headers=partner(house)
        )
        assert answer.status_code == 422, answer.text
