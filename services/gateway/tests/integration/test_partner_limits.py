"""Limits, back pressure and nonsense at the partners' door: a clear answer, and never a fault."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

House = Any
SHOP = "https://shop.example.com"
BATCH = {"Content-Type": "application/cloudevents-batch+json"}


def order(event_id: str, **changes: Any) -> dict[str, Any]:
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": SHOP,
        "type": "com.tandem.partner.order.paid.v1",
        "time": datetime.now(UTC).isoformat(),
        "data": {"order_id": event_id, "amount": {"amount_minor": 1, "currency": "USD"}},
    }
    return event | changes


def partner(house: House) -> dict[str, str]:
    bearer: dict[str, str] = house.bearer("partner", sources=[SHOP])
    return bearer | BATCH


async def send(house: House, events: list[Any]) -> Any:
    return await house.client.post("/v1/events", content=json.dumps(events), headers=partner(house))


async def until(house: House, event: dict[str, Any], holds: Callable[[int], bool]) -> Any:
    """The first answer of a status that holds, to one event sent over and over."""
    async with asyncio.timeout(30):
        while not holds((answer := await send(house, [event])).status_code):  # noqa: ASYNC110 - HTTP
            await asyncio.sleep(0.05)
    return answer


async def test_an_event_beyond_a_limit_is_refused_alone(build_house: Any) -> None:
    limits = {"event_bytes": 4096, "event_levels": 8, "event_oldest_days": 10}
    async with build_house(**limits, event_ahead_seconds=60) as house:
        now = datetime.now(UTC)
        deep: Any = 1
        for _ in range(9):
            deep = [deep]
        events = [
            order("good"),
            order("large", note="x" * 5000),
            order("deep", data={"order_id": deep}),
            order("old", time=(now - timedelta(days=11)).isoformat()),
            order("ahead", time=(now + timedelta(hours=1)).isoformat()),
            order("fine", time=(now - timedelta(days=9)).isoformat()),
        ]
        answer = await send(house, events)
        results = answer.json()["results"]
        shown = (await house.client.get("/v1/events/limits", headers=partner(house))).json()
    assert answer.status_code == 207
    assert [one["status"] for one in results] == [
        *("accepted", "rejected", "rejected", "rejected", "rejected", "accepted")
    ]
    problems = [one["problem"] for one in results if "problem" in one]
    assert [one["errors"][0]["field"] if one["errors"] else "" for one in problems] == [
        *("", "data", "time", "time")
    ]
    assert all(one["hint"] for one in problems)
    assert (shown["event_bytes"], shown["levels"]) == (4096, 8)


async def test_a_deep_outbox_closes_the_door_until_it_is_emptied(build_house: Any) -> None:
    async with build_house(outbox_events=5) as house:
        connection = await asyncpg.connect(house.app.state.resources.settings.database_url)
        try:
            assert (await send(house, [order(f"e{n}") for n in range(9)])).status_code == 202
            answer = await until(house, order("late"), lambda status: status != 202)
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
            assert answer.headers["content-type"] == "application/problem+json"
            await connection.execute("DELETE FROM outbox")
            assert (
                await until(house, order("then"), lambda status: status != 503)
            ).status_code == 202
        finally:
            await connection.close()


async def test_more_than_fits_in_memory_is_told_to_come_again(build_house: Any) -> None:
    async with build_house(ingress_bytes=1024 * 1024) as house:
        line = {"product": "p" * 60, "quantity": 1, "amount_minor": 1}
        events = [order(f"e{n}") for n in range(200)]
        for event in events:
            event["data"]["lines"] = [line] * 30
        large = json.dumps(events)

        async def one() -> Any:
            return await house.client.post("/v1/events", content=large, headers=partner(house))

        answers = await asyncio.gather(*(one() for _ in range(8)))
        statuses = {answer.status_code for answer in answers}
        assert statuses == {202, 503}
        assert all(a.headers["retry-after"] for a in answers if a.status_code == 503)
        again = await one()
    assert again.status_code == 202
    assert {result["status"] for result in again.json()["results"]} == {"duplicate"}


@asynccontextmanager
async def trickling(house: House, headers: dict[str, str]) -> AsyncIterator[asyncio.StreamReader]:
    """A request whose body begins and does not go on; gives what is answered to it."""
    host, port = house.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = {"Host": host, "Transfer-Encoding": "chunked", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    writer.write(f"POST /v1/events HTTP/1.1\r\n{lines}\r\n1\r\n[\r\n".encode())
    await writer.drain()
    try:
        yield reader
    finally:
        writer.close()


async def test_who_sends_slowly_fills_a_part_of_the_door_and_nobody_elses(build_house: Any) -> None:
    async with build_house(ingress_bytes=8 * 1024 * 1024) as house:
        slow = partner(house)
        other = house.bearer("partner", sources=[SHOP], subject="other-partner") | BATCH
        async with trickling(house, slow), trickling(house, slow), trickling(house, slow):
            refused = await until(house, order("mine"), lambda status: status == 503)
            body = json.dumps([order("theirs")])
            taken = await house.client.post("/v1/events", content=body, headers=other)
        again = await until(house, order("mine"), lambda status: status != 503)
        faults = house.app.state.resources.telemetry.http_broken.collect()[0].samples[0].value
    assert faults == 0, "who leaves in the middle of a body is no fault of ours"
    assert refused.json()["type"] == "urn:tandem:problem:ingress-full"
    assert refused.headers["retry-after"]
    assert (taken.status_code, again.status_code) == (202, 202)


async def test_a_body_that_does_not_come_is_given_up_with_its_room(
    build_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.middleware.BODY_SECONDS", 0.5)
    async with (
        build_house(ingress_bytes=1024 * 1024) as house,
        trickling(house, partner(house)) as answer,
        asyncio.timeout(60),
    ):
        said = (await answer.read()).decode()
        taken = await send(house, [order("then")])
    head, _, body = said.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 408")
    assert "connection: close" in head.lower()
    assert json.loads(body)["hint"]
    assert taken.status_code == 202


def test_nonsense_never_breaks_the_door(build_house: Any) -> None:
    """One loop for all examples: the house is built once, and asked in it."""
    loop = asyncio.new_event_loop()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        body=st.binary(max_size=60)
        | st.recursive(
            st.none() | st.integers() | st.text(max_size=9),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from([*order("x"), "sequence", "x"]), inner, max_size=6
                )
            ),
        ).map(lambda value: json.dumps(value).encode()),
        mode=st.sampled_from(["", "-batch"]),
        query=st.dictionaries(
            st.sampled_from(["cursor", "source", "type", "limit", "received_from", "verdict", "z"]),
            st.text(max_size=12),
            max_size=3,
        ),
        path=st.sampled_from(["", "/counts", "/stream", "/%00", "/a%2Fb", "/limits"]),
    )
    def examples(body: bytes, mode: str, query: dict[str, str], path: str) -> None:
        async def ask() -> None:
            headers = partner(house) | {"Content-Type": f"application/cloudevents{mode}+json"}
            sent = await house.client.post("/v1/events", content=body, headers=headers)
            asked = {"follow": "false"} | query if path == "/stream" else query
            read = await house.client.get(f"/v1/events{path}", params=asked, headers=headers)
            assert sent.status_code < 500, sent.text
            assert read.status_code < 500, read.text

        loop.run_until_complete(ask())

    building = build_house()
    try:
        house = loop.run_until_complete(building.__aenter__())
        try:
            examples()
        finally:
            loop.run_until_complete(building.__aexit__(None, None, None))
    finally:
        loop.close()
