"""Whatever is sent, the answer is a 4xx problem that names the fault: no 500, no echo."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample.app import create_app

from chassis.migrations import migrate

JSON = {"content-type": "application/json"}
NOTE = {"id": "n1", "title": "a title", "amount_minor": 5}


@pytest.fixture(scope="module")
def nonsense_database(module_database: Callable[..., str]) -> str:
    url = module_database()
    asyncio.run(migrate("sample", url))
    return url


@pytest.fixture
async def client(
    nonsense_database: str, make_settings: Callable[..., Any], client_of: Callable[..., Any]
) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(make_settings(nonsense_database))) as client:
        yield client


def assert_problem(answer: httpx.Response, *, status: int | None = None) -> dict[str, Any]:
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    for member in ("type", "title", "status", "detail", "hint", "errors", "trace_id"):
        assert member in problem
    assert problem["status"] == answer.status_code
    assert problem["trace_id"] == answer.headers["x-trace-id"]
    if status is not None:
        assert answer.status_code == status, answer.text
    return problem


BROKEN_BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"hello",
    "half": b'{"id": "n1"',
    "broken UTF-8": b'{"id": "\xff\xfe"}',
    "broken UTF-16": b'\xff\xfe{\x00"',
    "deep": b"[" * 100_000,
    "deep and closed": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a number too long to read": b'{"amount_minor": ' + b"9" * 5000 + b"}",
    "a list": b"[]",
    "null": b"null",
    "a number": b"5",
    "a byte order mark": b'\xef\xbb\xbf{"id": "n1"}',
    "NUL": b"\0",
    "a trailing comma": b'{"id": "n1",}',
    "a comment": b'{"id": "n1"} // note',
}


@pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
async def test_a_body_that_is_no_object_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    assert_problem(await client.post("/v1/notes", content=body, headers=JSON))


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x", ""]
)
async def test_a_body_of_another_media_type_is_refused(
    client: httpx.AsyncClient, kind: str
) -> None:
    body = json.dumps(NOTE).encode()
    problem = assert_problem(
        await client.post("/v1/notes", content=body, headers={"content-type": kind}), status=422
    )
    assert "Content-Type: application/json" in problem["errors"][0]["hint"]


NONSENSE: list[tuple[str, str]] = [
    ("amount_minor", "-1"),
    ("amount_minor", "1.5"),
    ("amount_minor", "1.0"),
    ("amount_minor", '"5"'),
    ("amount_minor", "true"),
    ("amount_minor", "1e400"),
    ("amount_minor", "-1e400"),
    ("amount_minor", "NaN"),
    ("amount_minor", "Infinity"),
    ("amount_minor", "1000000000000001"),
    ("amount_minor", "9223372036854775808"),
    ("amount_minor", "123456789012345678901234567890"),
    ("amount_minor", "null"),
    ("amount_minor", "[]"),
    ("title", '""'),
    ("title", '"   "'),
    ("title", "5"),
    ("title", '"a\\u0000b"'),
    ("title", '"\\ud800"'),
    ("title", '"\\udc00\\ud800"'),
    ("title", '"two\\nlines"'),
    ("title", '"' + "x" * 501 + '"'),
    ("title", '{"a": 1}'),
    ("id", '"\\u0000"'),
    ("id", '"' + "x" * 129 + '"'),
    ("team", '" north"'),
    ("team", '"' + "x" * 81 + '"'),
    ("due_on", '"0000-01-01"'),
    ("due_on", '"2017-02-30"'),
    ("due_on", '"10000-01-01"'),
    ("due_on", "20170101"),
    ("occurred_at", '"2017-01-01"'),
    ("occurred_at", '"0000-01-01T00:00:00Z"'),
    ("occurred_at", '"2017-01-01T00:00:00"'),
    ("occurred_at", "1e400"),
    ("kind", '"other"'),
    ("tags", '"a"'),
    ("tags.0", "[1]"),
    ("colour", '"red"'),
    ("__proto__", "{}"),
]


@pytest.mark.parametrize(("field", "value"), NONSENSE)
async def test_a_value_that_makes_no_sense_is_refused_by_the_name_of_its_field(
    client: httpx.AsyncClient, field: str, value: str
) -> None:
    good = {name: json.dumps(given) for name, given in NOTE.items()}
    good[field.partition(".")[0]] = value
    body = "{" + ", ".join(f'"{name}": {text}' for name, text in good.items()) + "}"
    problem = assert_problem(await client.post("/v1/notes", content=body, headers=JSON), status=422)
    assert field in [fault["field"] for fault in problem["errors"]]


async def test_what_was_sent_is_not_repeated(client: httpx.AsyncClient) -> None:
    secret = "4111-1111-1111-1111"
    body = {"id": secret * 10, "title": {"x": secret}, "amount_minor": secret, "due_on": secret}
    answer = await client.post("/v1/notes", json=body)
    assert_problem(answer, status=422)
    assert secret not in answer.text
    answer = await client.get(f"/v1/notes?limit={secret}")
    assert secret not in answer.text


async def test_of_very_many_faults_the_first_are_named(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/notes", json={f"f{n}": n for n in range(10_000)})
    assert len(assert_problem(answer, status=422)["errors"]) == 20
    assert len(answer.content) < 10_000


async def test_strange_field_names_are_cut_and_cleaned(client: httpx.AsyncClient) -> None:
    body = json.dumps({"\x1b[31m\ud800" + "x" * 5000: 1})
    problem = assert_problem(await client.post("/v1/notes", content=body, headers=JSON))
    names = [fault["field"] for fault in problem["errors"]]
    assert all(len(name) < 70 and name.isprintable() for name in names)


@pytest.mark.parametrize(
    "target",
    [
        "/v1/notes?tema=north",
        "/v1/notes?limit=3&Limit=3",
        "/v1/notes?limit=0",
        "/v1/notes?limit=201",
        "/v1/notes?limit=1e3",
        "/v1/notes?limit=99999999999999999999999",
        "/v1/notes?limit=",
        "/v1/notes?team=",
        "/v1/notes?team=%00",
        "/v1/notes?team=a%0ab",
        "/v1/notes?cursor=" + "x" * 3000,
        "/v1/notes?cursor=%F0%9F%92%A9",
        "/v1/notes?%00=1",
        "/v1/notes/a%00b",
        "/v1/notes/" + "x" * 129,
        "/v1/notes/%ff",
        "/v1/notes/n1?verbose=1",
        "/v1/notes/typed/query?at=2017-01-01T00:00:00+08:00",
        "/v1/notes/typed/query?on=2017-13-01",
        "/v1/notes/typed/query?amount=-1",
        "/v1/notes/typed/query?amount=9223372036854775808",
        "/v1/notes/typed/query?amount=nan",
        "/v1/notes/typed/query?kind=c",
        "/v1/nothing",
        "/v1/notes/",
        "//v1/notes",
        "/v1/../etc/passwd",
        "/v1/parked/0",
        "/v1/parked/-1",
        "/v1/parked/9223372036854775808",
        "/v1/parked/x",
    ],
)
async def test_an_address_that_makes_no_sense_is_refused(
    client: httpx.AsyncClient, target: str
) -> None:
    assert_problem(await client.get(target))


async def test_a_query_with_an_encoded_plus_is_understood(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/notes/typed/query?at=2017-01-01T00:00:00%2B08:00")
    assert answer.json()["at"] == "2016-12-31 16:00:00+00:00"


@pytest.mark.parametrize("method", ["DELETE", "PUT", "TRACE", "PROPFIND", "BREW"])
async def test_a_method_that_is_not_there_is_refused(
    client: httpx.AsyncClient, method: str
) -> None:
    answer = await client.request(method, "/v1/notes")
    assert_problem(answer, status=405)
    assert "GET" in answer.headers["allow"] or "POST" in answer.headers["allow"]


@pytest.mark.parametrize(
    "tag",
    ["1", "x", '"0"', '"-1"', '"1", "2"', "*", '"99999999999"', "", '"1'],
)
async def test_an_if_match_that_makes_no_sense_is_refused(
    client: httpx.AsyncClient, tag: str
) -> None:
    answer = await client.patch("/v1/notes/n1", json={"title": "x"}, headers={"if-match": tag})
    assert_problem(answer, status=422)


@pytest.mark.parametrize(
    "trace", ["x", "00-0-0-0", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "ÿ", "0" * 10_000]
)
async def test_a_broken_trace_is_replaced(client: httpx.AsyncClient, trace: str) -> None:
    answer = await client.get("/health/live", headers=[(b"traceparent", trace.encode())])
    assert answer.status_code == 200
    assert len(answer.headers["x-trace-id"]) == 32
    assert answer.headers["x-trace-id"] != "0" * 32


@pytest.mark.parametrize(("path", "limit"), [("/v1/notes", 1), ("/v1/notes/import", 16)])
async def test_a_body_that_is_too_large_is_refused(
    client: httpx.AsyncClient, path: str, limit: int
) -> None:
    body = b" " * (limit * 1024 * 1024 + 1)

    async def in_pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    announced = await client.post(path, content=body, headers=JSON)
    assert_problem(announced, status=413)
    assert_problem(await client.post(path, content=in_pieces(), headers=JSON), status=413)
    allowed = await client.post(path, content=body[:-1], headers=JSON)
    assert_problem(allowed, status=400)


@pytest.mark.parametrize(
    "body",
    [
        {"rows": []},
        {"rows": [{"external_ref": str(n), "title": str(n)} for n in range(501)]},
        {"rows": [1]},
        {"rows": {}},
        {"rows": [{}], "dry_run": "yes"},
        {"rows": [{}], "dry_rum": True},
        {},
    ],
)
async def test_an_import_that_is_no_import_is_refused(
    client: httpx.AsyncClient, body: object
) -> None:
    assert_problem(await client.post("/v1/notes/import", json=body), status=422)


async def test_rows_of_an_import_that_make_no_sense_are_rejected_alone(
    client: httpx.AsyncClient,
) -> None:
    rows = ", ".join(
        f'{{"external_ref": "r{n}", "title": "t{n}", "{field}": {value}}}'
        for n, (field, value) in enumerate(NONSENSE)
    )
    answer = await client.post(
        "/v1/notes/import", content=f'{{"rows": [{rows}], "dry_run": true}}', headers=JSON
    )
    assert answer.status_code == 200, answer.text
    assert {one["status"] for one in answer.json()["results"]} == {"rejected"}


async def test_strangers_learn_nothing(client: httpx.AsyncClient) -> None:
    nobody = {"authorization": ""}
    assert_problem(await client.get("/v1/notes", headers=nobody), status=401)
    for path in ("/v1/notes", "/v1/nothing", "/v1/notes/n1/x"):
        refused = await client.post(path, content=b"[" * 100_000, headers={**JSON, **nobody})
        assert_problem(refused, status=401)
        assert refused.headers["www-authenticate"] == "Bearer"


async def test_a_fault_of_ours_says_nothing_of_us(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.get("/v1/notes/broken")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert "example.com" not in caplog.text
    [record] = [record for record in caplog.records if record.name == "chassis.middleware"]
    assert "secret of the house" in record.getMessage()
    assert any("notes.py" in frame for frame in record.frames)  # type: ignore[attr-defined]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    body=st.dictionaries(
        st.sampled_from([*NOTE, "team", "parent_id", "due_on", "occurred_at", "tags"]) | st.text(),
        VALUES | st.sampled_from(["2017-01-01", "2017-01-01T00:00:00Z", "a"]),
        max_size=5,
    )
)
async def test_no_json_at_all_breaks_us(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await client.post("/v1/notes", content=json.dumps(body), headers=JSON)
    if answer.status_code != 201:
        assert_problem(answer)


async def test_nothing_of_all_this_had_an_effect(nonsense_database: str) -> None:
    connection = await asyncpg.connect(nonsense_database)
    try:
        notes = await connection.fetchval("SELECT count(*) FROM notes")
        events = await connection.fetchval("SELECT count(*) FROM outbox")
    finally:
        await connection.close()
    # Only what the random bodies got right.
    assert notes == events
