from __future__ import annotations

import asyncio
import json
from typing import Any
from unittest.mock import AsyncMock

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.kpi.fastlane import KpiFastLane

House = Any
REVENUE = "/v1/kpis/revenue_net"
Q1 = f"{REVENUE}?period=2017-Q1&by=owner"


class Figures:
    """A KPI of the stand-in metrics service, whose value a test moves."""

    def __init__(self, house: House, path: str = REVENUE) -> None:
        self.value = 1
        self.asked = 0
        self.scopes: list[str] = []
        self.slow = 0.0
        house.services["metrics"].on("GET", path, self.answer)

    async def answer(self, request: Request) -> Response:
        self.asked += 1
        value = self.value
        await asyncio.sleep(self.slow)
        body = {"value": value}
        headers = {"Tandem-Watermark": "2026-01-01T00:00:00Z"}
        return JSONResponse(body, headers=headers)


async def test_second_read_comes_from_memory_and_says_how_current_it_is(house: House) -> None:
    await house.heard()
    figures = Figures(house)
    headers = house.bearer("boss")
    first = await house.client.get(Q1, headers=headers)
    second = await house.client.get(f"{REVENUE}?by=owner&period=2017-Q1", headers=headers)
    assert figures.asked == 1
    assert first.content == second.content
    assert first.headers["etag"] == second.headers["etag"]
    assert second.headers["cache-control"] == "private, no-cache"
    assert second.headers["vary"] == "Authorization"
    assert second.headers["tandem-watermark"] == "2026-01-01T00:00:00.000Z"
    assert float(second.headers["tandem-lag-seconds"]) > 0


async def test_answer_from_the_hot_path_is_the_same_as_from_the_route(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = await house.heard()
    figures = Figures(house)
    headers = house.bearer("boss")
    cold = await house.client.get(Q1, headers=headers)
    known = headers | {"If-None-Match": f'W/{cold.headers["etag"]}, "x"'}
    memory = parts.telemetry.from_memory
    assert memory._value.get() == 0
    hot = await house.client.get(Q1, headers=headers)
    hot_304 = await house.client.get(Q1, headers=known)
    assert memory._value.get() == 1
    monkeypatch.setattr(KpiFastLane, "_answered", AsyncMock(return_value=False))
    cold_304 = await house.client.get(Q1, headers=known)
    assert memory._value.get() == 1
    varying = {"x-trace-id", "tandem-lag-seconds", "date", "ratelimit"}
    assert figures.asked == 1
    assert hot.content == cold.content
    assert _headers(hot, varying) == _headers(cold, varying)
    assert hot_304.status_code == cold_304.status_code == 304
    assert hot_304.content == cold_304.content == b""
    assert _headers(hot_304, varying) == _headers(cold_304, varying)


def _headers(answer: httpx.Response, varying: set[str]) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in varying}


async def test_change_drops_what_it_touches_and_leaves_the_rest(house: House) -> None:
    parts = await house.heard()
    figures = Figures(house)
    headers = house.bearer("boss")
    await house.client.get(Q1, headers=headers)
    await house.client.get(f"{REVENUE}?period=2016", headers=headers)
    figures.value = 2
    await house.say_changed(
        "revenue_net", "2017-02-01", "2017-02-03", watermark="2026-02-02T00:00:00+00:00"
    )
    await house.eventually(lambda: len(parts.cache) == 1)
    changed = await house.client.get(Q1, headers=headers)
    untouched = await house.client.get(f"{REVENUE}?period=2016", headers=headers)
    assert changed.json()["value"] == 2
    assert untouched.json()["value"] == 1
    assert figures.asked == 3
    assert untouched.headers["tandem-watermark"] == "2026-02-02T00:00:00.000Z"


async def test_callers_of_other_teams_do_not_share_answers(house: House) -> None:
    await house.heard()
    figures = Figures(house)
    for teams in (["north"], ["south"], ["north"], ["south", "north"], ["*"]):
        headers = house.bearer("sales_rep", teams=teams)
        assert (await house.client.get(Q1, headers=headers)).status_code == 200
    assert (await house.client.get(Q1, headers=house.bearer("boss"))).status_code == 200
    assert figures.asked == 4


async def test_many_at_once_ask_metrics_once(house: House) -> None:
    await house.heard()
    figures = Figures(house)
    figures.slow = 0.1
    headers = house.bearer("boss")
    answers = await asyncio.gather(*(house.client.get(Q1, headers=headers) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert figures.asked == 1


async def test_answer_that_was_under_way_when_the_change_came_is_not_kept(house: House) -> None:
    parts = await house.heard()
    figures = Figures(house)
    figures.slow = 0.5
    headers = house.bearer("boss")
    under_way = asyncio.create_task(house.client.get(Q1, headers=headers))
    await asyncio.sleep(0.1)
    figures.value, figures.slow = 2, 0.0
    await house.say_changed(
        "revenue_net", "2017-02-01", "2017-02-01", watermark="2026-02-02T00:00:00+00:00"
    )
    await asyncio.sleep(0.2)
    assert (await house.client.get(Q1, headers=headers)).json()["value"] == 2
    assert (await under_way).json()["value"] == 1
    assert (await house.client.get(Q1, headers=headers)).json()["value"] == 2
    assert len(parts.cache) == 1


async def test_nothing_comes_from_memory_while_the_topic_is_not_heard(house: House) -> None:
    parts = await house.heard()
    figures = Figures(house)
    headers = house.bearer("boss")
    await house.client.get(Q1, headers=headers)
    parts.freshness.is_heard = False
    await house.client.get(Q1, headers=headers)
    assert figures.asked == 2


async def test_problems_of_metrics_pass_through_and_are_not_kept(house: House) -> None:
    await house.heard()
    house.services["metrics"].on("GET", REVENUE, {"title": "no such period"}, status=422)
    headers = house.bearer("boss")
    for _ in range(2):
        answer = await house.client.get(f"{REVENUE}?period=never", headers=headers)
        assert answer.status_code == 422
    assert len(house.services["metrics"].asked(REVENUE)) == 2


async def test_remembered_token_does_not_open_other_doors(house: House) -> None:
    await house.heard()
    Figures(house)
    headers = house.bearer("boss")
    await house.client.get(Q1, headers=headers)
    forged = {"Authorization": headers["Authorization"][:-4] + "AAAA"}
    assert (await house.client.get(Q1, headers=forged)).status_code == 401
    assert (await house.client.get(Q1)).status_code == 401
    assert (await house.client.get(Q1, headers=house.bearer("partner"))).status_code == 403


async def test_odd_queries_are_for_metrics_to_judge(house: House) -> None:
    await house.heard()
    house.services["metrics"].on("GET", REVENUE, {"title": "odd"}, status=422)
    for query in (
        "period=%ff",
        "period=2017&period=2018",
        "&&&",
        "=",
        "a" * 3000,
        "&".join(f"x{n}=1" for n in range(100)),
        "from=9999-99-99",
        "period=%00",
    ):
        answer = await house.client.get(f"{REVENUE}?{query}", headers=house.bearer("boss"))
        assert answer.status_code in {400, 422}, query


@pytest.mark.parametrize("name", ["vocabulary", "definitions"])
async def test_lists_beside_the_kpis_are_none_and_come_from_metrics_each_time(
    house: House, name: str
) -> None:
    await house.heard()
    path = f"/v1/kpis/{name}"
    house.services["metrics"].on("GET", path, {"items": []})
    for _ in range(2):
        answer = await house.client.get(path, headers=house.bearer("boss"))
        assert answer.json() == {"items": []}
    assert len(house.services["metrics"].asked(path)) == 2


class Stream:
    """A client of the live stream, reading events one by one."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def next(self, *, seconds: float = 5.0) -> dict[str, str]:
        async with asyncio.timeout(seconds):
            found: dict[str, str] = {}
            async for line in self._lines:
                if not line and "event" in found:
                    return found
                name, _, value = line.partition(": ")
                if name in {"id", "event", "data"}:
                    found[name] = value
        raise AssertionError("the stream ended")


async def test_stream_sends_the_figures_now_and_when_they_change(house: House) -> None:
    await house.heard()
    figures = Figures(house)
    url = "/v1/kpis/stream?kpi=revenue_net&period=2017-Q1"
    async with (
        house.client.stream("GET", url, headers=house.bearer("boss")) as one,
        house.client.stream("GET", url, headers=house.bearer("admin")) as two,
    ):
        assert one.headers["content-type"].startswith("text/event-stream")
        streams = [Stream(one), Stream(two)]
        for stream in streams:
            first = await stream.next()
            assert json.loads(first["data"])["value"] == 1
        asked = figures.asked
        figures.value = 2
        await house.say_changed(
            "revenue_net", "2017-02-01", "2017-02-01", watermark="2026-02-02T00:00:00+00:00"
        )
        for stream in streams:
            assert json.loads((await stream.next())["data"])["value"] == 2
        assert figures.asked == asked + 1


async def test_stream_resumes_without_repeating_what_the_client_has(house: House) -> None:
    await house.heard()
    figures = Figures(house)
    other = Figures(house, "/v1/kpis/win_rate")
    url = "/v1/kpis/stream?kpi=revenue_net&kpi=win_rate&period=2017-Q1"
    headers = house.bearer("boss")
    async with house.client.stream("GET", url, headers=headers) as response:
        stream = Stream(response)
        await stream.next()
        last = (await stream.next())["id"]
    other.value = 5
    await house.say_changed(
        "win_rate", "2017-02-01", "2017-02-01", watermark="2026-02-02T00:00:00+00:00"
    )
    await asyncio.sleep(0.2)
    again = headers | {"Last-Event-ID": last}
    async with house.client.stream("GET", url, headers=again) as response:
        stream = Stream(response)
        assert json.loads((await stream.next())["data"])["value"] == 5
        with pytest.raises(TimeoutError):
            await stream.next(seconds=0.5)
    assert figures.value == 1


async def test_change_that_changes_no_figure_is_not_pushed(house: House) -> None:
    await house.heard()
    figures = Figures(house)
    url = "/v1/kpis/stream?kpi=revenue_net&period=2017-Q1"
    async with house.client.stream("GET", url, headers=house.bearer("boss")) as response:
        stream = Stream(response)
        await stream.next()
        await house.say_changed(
            "revenue_net", "2017-02-01", "2017-02-01", watermark="2026-02-02T00:00:00+00:00"
        )
        with pytest.raises(TimeoutError):
            await stream.next(seconds=0.7)
        assert figures.asked >= 2


async def test_stream_ends_when_the_gateway_stops_and_with_its_token(build_house: Any) -> None:
    async with build_house() as house:
        await house.heard()
        Figures(house)
        url = "/v1/kpis/stream?kpi=revenue_net"
        async with house.client.stream("GET", url, headers=house.bearer("boss")) as response:
            stream = Stream(response)
            await stream.next()
            house.app.state.resources.stopping.set()
            assert json.loads((await stream.next())["data"]) == {"reason": "stopping"}
        refused = await house.client.get(url, headers=house.bearer("boss"))
        assert refused.status_code == 503
        assert house.app.state.parts.live.open_streams == 0


async def test_stream_ends_after_its_time(build_house: Any) -> None:
    async with build_house(stream_seconds=5) as house:
        await house.heard()
        Figures(house)
        headers = house.bearer("boss")
        url = "/v1/kpis/stream?kpi=revenue_net"
        async with house.client.stream("GET", url, headers=headers) as response:
            stream = Stream(response)
            await stream.next()
            assert json.loads((await stream.next(seconds=8))["data"]) == {"reason": "renew"}


async def test_nonsense_streams_are_refused(house: House) -> None:
    house.services["metrics"].on("GET", "/v1/kpis/nonsense", {"title": "no such KPI"}, status=404)
    headers = house.bearer("boss")
    for query, status in {
        "": 422,
        "kpi=": 422,
        "kpi=a/b": 422,
        "kpi=revenue_net&colour=red": 422,
        "&".join(f"kpi=k{n}" for n in range(30)): 422,
        "kpi=nonsense": 404,
        "kpi=revenue_net&by=%00": 400,
    }.items():
        answer = await house.client.get(f"/v1/kpis/stream?{query}", headers=headers)
        assert answer.status_code == status, query
    assert house.app.state.parts.live.open_streams == 0
