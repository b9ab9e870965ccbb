from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

House = Any


async def test_request_reaches_the_service_with_the_callers_token_and_nothing_it_claims(
    house: House,
) -> None:
    house.services["pipeline"].on("POST", "/v1/deals", {"id": "d1"}, status=201)
    headers = house.bearer("sales_rep", teams=["north"]) | {
        "X-User": "boss",
        "X-Forwarded-User": "boss",
        "Cookie": "a=b",
        "If-Match": '"3"',
        "Connection": "close, X-Secret",
        "X-Secret": "1",
    }
    answer = await house.client.post("/v1/deals?expand=a%2Fb", json={"name": "x"}, headers=headers)
    assert answer.status_code == 201
    assert answer.json() == {"id": "d1"}
    [asked] = house.services["pipeline"].asked("/v1/deals")
    assert asked["headers"]["authorization"] == headers["Authorization"]
    assert asked["headers"]["if-match"] == '"3"'
    assert json.loads(asked["body"]) == {"name": "x"}
    assert asked["query"] in {"expand=a%2Fb", "expand=a/b"}
    for name in ("x-user", "x-forwarded-user", "cookie", "x-secret"):
        assert name not in asked["headers"]


async def test_trace_is_continued_and_told(house: House) -> None:
    house.services["pipeline"].on("GET", "/v1/teams", {"items": []})
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = house.bearer("admin") | {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    answer = await house.client.get("/v1/teams", headers=headers)
    assert answer.headers["x-trace-id"] == trace
    sent = house.services["pipeline"].requests[-1]["headers"]["traceparent"]
    assert sent.split("-")[1] == trace
    assert sent.split("-")[2] != "00f067aa0ba902b7"


async def test_only_listed_headers_come_back(house: House) -> None:
    async def answer(_request: Request) -> Response:
        headers = {"ETag": '"7"', "Server": "secret/1", "Set-Cookie": "a=b", "Location": "/v1/x"}
        return JSONResponse({}, headers=headers)

    house.services["pipeline"].on("GET", "/v1/deals/d1", answer)
    got = await house.client.get("/v1/deals/d1", headers=house.bearer("admin"))
    assert got.headers["etag"] == '"7"'
    assert got.headers["location"] == "/v1/x"
    assert got.headers["vary"] == "Authorization"
    assert "server" not in got.headers
    assert "set-cookie" not in got.headers
    assert got.headers["content-security-policy"].startswith("default-src 'none'")


async def test_what_is_not_in_the_table_does_not_exist(house: House) -> None:
    headers = house.bearer("admin")
    for method, path in (
        ("GET", "/v1/nothing"),
        ("GET", "/v1/deals/d1/secret"),
        ("GET", "/metrics"),
        ("GET", "/v1/deals/../../openapi.json"),
        ("GET", "/v1/deals/%2e%2e/history"),
        ("GET", "/v1/deals/./history"),
        ("GET", "/v1/deals/..%2f../history"),
        ("GET", "//v1/deals"),
        ("GET", "/v1/deals/"),
        ("POST", "/v1/kpis/win_rate"),
        ("PUT", "/v1/deals/d1"),
        ("TRACE", "/v1/deals"),
    ):
        status, problem = await _raw(house, method, path, headers)
        assert status in {404, 405}, path
        assert problem["status"] == status
    assert not any(_beside_docs(service) for service in house.services.values())


async def _raw(house: House, method: str, path: str, headers: dict[str, str]) -> tuple[int, Any]:
    """A request whose path no client library has tidied up."""
    port = int(house.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), json.loads(body)


def _beside_docs(service: Any) -> list[Any]:
    return [request for request in service.requests if request["path"] != "/openapi.json"]


async def test_odd_ids_arrive_as_they_were_sent(house: House) -> None:
    house.services["pipeline"].on("GET", "/v1/deals/a b?#é:1", {"ok": True})
    answer = await house.client.get("/v1/deals/a%20b%3F%23%C3%A9:1", headers=house.bearer("admin"))
    assert answer.json() == {"ok": True}


async def test_without_a_token_or_permission_no_service_is_asked(house: House) -> None:
    nobody = await house.client.get("/v1/deals")
    partner = await house.client.get("/v1/deals", headers=house.bearer("partner"))
    broken = await house.client.get("/v1/deals", headers={"Authorization": "Bearer a.b.c"})
    assert [nobody.status_code, partner.status_code, broken.status_code] == [401, 403, 401]
    assert not house.services["pipeline"].asked("/v1/deals")


async def test_problems_of_a_service_pass_through(house: House) -> None:
    problem = {"type": "x", "title": "stale", "status": 412, "current": {"version": 3}}
    house.services["pipeline"].on("PATCH", "/v1/deals/d1", problem, status=412)
    answer = await house.client.patch("/v1/deals/d1", json={}, headers=house.bearer("admin"))
    assert answer.status_code == 412
    assert answer.json() == problem


async def test_service_that_is_down_gives_502_then_503_while_its_circuit_is_open(
    build_house: Any,
) -> None:
    async with build_house(pipeline_url="http://127.0.0.1:9") as house:
        statuses = []
        for _ in range(8):
            answer = await house.client.post("/v1/deals", json={}, headers=house.bearer("admin"))
            statuses.append(answer.status_code)
            assert answer.json()["service"] == "pipeline"
            assert int(answer.headers["retry-after"]) >= 1
        assert statuses[0] == 502
        assert statuses[-1] == 503
        house.services["ops"].on("GET", "/v1/projects", {"items": []})
        other = await house.client.get("/v1/projects", headers=house.bearer("admin"))
        assert other.status_code == 200


async def test_slow_service_gives_504_and_a_command_is_sent_once(build_house: Any) -> None:
    async with build_house(upstream_seconds=0.3) as house:
        house.services["pipeline"].keep_waiting("POST", "/v1/deals")
        answer = await house.client.post("/v1/deals", json={}, headers=house.bearer("admin"))
        assert answer.status_code == 504
        assert answer.json()["service"] == "pipeline"
        assert len(house.services["pipeline"].asked("/v1/deals")) == 1


async def test_failing_read_is_tried_again_and_failing_command_is_not(house: House) -> None:
    async def once_busy(_request: Request) -> Response:
        first = len(house.services["pipeline"].asked("/v1/deals")) == 1
        return JSONResponse({"first": first}, 503 if first else 200)

    house.services["pipeline"].on("GET", "/v1/deals", once_busy)
    read = await house.client.get("/v1/deals", headers=house.bearer("admin"))
    assert read.json() == {"first": False}
    house.services["pipeline"].on("POST", "/v1/leads", {}, status=503)
    house.services["customer"].on("POST", "/v1/leads", {}, status=503)
    command = await house.client.post("/v1/leads", json={}, headers=house.bearer("admin"))
    assert command.status_code == 503
    assert len(house.services["customer"].asked("/v1/leads")) == 1


async def test_body_over_the_limit_is_refused_and_an_import_may_be_larger(house: House) -> None:
    house.services["pipeline"].on("POST", "/v1/deals/import", {"results": []})
    big = b'{"rows":"' + b"x" * (2 * 1024 * 1024) + b'"}'
    headers = house.bearer("admin") | {"Content-Type": "application/json"}
    refused = await house.client.post("/v1/deals", content=big, headers=headers)
    taken = await house.client.post("/v1/deals/import", content=big, headers=headers)
    assert refused.status_code == 413
    assert taken.status_code == 200
    assert len(house.services["pipeline"].asked("/v1/deals/import")[0]["body"]) == len(big)


async def test_more_requests_than_allowed_are_told_when_to_come_back(build_house: Any) -> None:
    async with build_house(rate_limit_requests=3, rate_limit_seconds=60) as house:
        house.services["pipeline"].on("GET", "/v1/teams", {"items": []})
        headers = house.bearer("admin")
        answers = [await house.client.get("/v1/teams", headers=headers) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[0].headers["ratelimit-policy"] == '"default";q=3;w=60'
        assert answers[0].headers["ratelimit"].startswith('"default";r=2;t=')
        assert 1 <= int(answers[3].headers["retry-after"]) <= 60


async def test_cross_origin_requests_are_let_in_only_from_named_origins(build_house: Any) -> None:
    preflight = {"Access-Control-Request-Method": "GET", "Origin": "https://sales.example.com"}
    async with build_house() as house:
        closed = await house.client.options("/v1/deals", headers=preflight)
        assert "access-control-allow-origin" not in closed.headers
    async with build_house(cors_origins=["https://sales.example.com"]) as house:
        opened = await house.client.options("/v1/deals", headers=preflight)
        assert opened.headers["access-control-allow-origin"] == "https://sales.example.com"
        other = await house.client.options(
            "/v1/deals", headers=preflight | {"Origin": "https://evil.example.com"}
        )
        assert "access-control-allow-origin" not in other.headers
