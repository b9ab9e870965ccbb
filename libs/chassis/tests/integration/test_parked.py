"""What an operator can do about events that were put aside."""

from collections.abc import Callable

import asyncpg
import httpx
import msgspec

Headers = Callable[..., dict[str, str]]
PARK = """
INSERT INTO consumer_parked (consumer, topic, partition, record_offset, source, subject, sequence,
    type, event_id, reason, detail, hint, record_key, record_value, record_headers, logged_at)
VALUES ('sample', 'ops', 0, $1, '/tandem/ops', $2, $3, 'com.tandem.ops.cost.recorded.v1', $4,
    'unprocessable', 'it cannot be', 'mend it', $2::text::bytea, $5, $6, now())
RETURNING id
"""


async def park(
    url: str, *, offset: int, subject: str, sequence: int, value: bytes = b'{"a": 1}'
) -> int:
    connection = await asyncpg.connect(url)
    try:
        parked_id = await connection.fetchval(
            PARK,
            offset,
            subject,
            sequence,
            f"e{offset}",
            value,
            msgspec.msgpack.encode([("ce_id", b"e1"), ("odd", b"\xff")]),
        )
    finally:
        await connection.close()
    assert isinstance(parked_id, int)
    return parked_id


async def test_parked_events_are_listed_shown_and_sent_on(
    online: httpx.AsyncClient, sample_database: str, headers: Headers
) -> None:
    first = await park(sample_database, offset=1, subject="c1", sequence=1)
    second = await park(sample_database, offset=2, subject="c1", sequence=2, value=b"\xff\0")
    sre = headers("sre")

    page = (await online.get("/v1/parked", params={"limit": 1}, headers=sre)).json()
    assert [item["id"] for item in page["items"]] == [first]
    rest = await online.get(
        "/v1/parked", params={"limit": 1, "cursor": page["next_cursor"]}, headers=sre
    )
    assert [item["id"] for item in rest.json()["items"]] == [second]
    none = await online.get("/v1/parked", params={"topic": "pipeline"}, headers=sre)
    assert none.json()["items"] == []

    shown = (await online.get(f"/v1/parked/{first}", headers=sre)).json()
    assert (shown["value"], shown["reason"]) == ('{"a": 1}', "unprocessable")
    assert shown["headers"]["ce_id"] == "e1"
    binary = (await online.get(f"/v1/parked/{second}", headers=sre)).json()
    assert (binary["value"], binary["value_base64"]) == (None, "/wA=")

    early = await online.post(
        f"/v1/parked/{second}/release", json={"reason": "mended"}, headers=sre
    )
    assert early.status_code == 409
    assert early.json()["type"] == "urn:tandem:problem:earlier-event-parked"
    done = await online.post(f"/v1/parked/{first}/release", json={"reason": "mended"}, headers=sre)
    assert (done.status_code, done.json()["requested"]) == (200, "release")
    dropped = await online.post(f"/v1/parked/{second}/discard", json={"reason": "x"}, headers=sre)
    assert (dropped.status_code, dropped.json()["requested"]) == (200, "discard")


async def test_what_is_not_parked_is_not_found(online: httpx.AsyncClient, headers: Headers) -> None:
    sre = headers("sre")
    assert (await online.get("/v1/parked/9", headers=sre)).status_code == 404
    for act in ("release", "discard"):
        answer = await online.post(f"/v1/parked/9/{act}", json={"reason": "x"}, headers=sre)
        assert answer.status_code == 404


async def test_a_decision_needs_its_reason_and_its_permission(
    online: httpx.AsyncClient, sample_database: str, headers: Headers
) -> None:
    parked_id = await park(sample_database, offset=1, subject="c1", sequence=1)
    for act in ("release", "discard"):
        path = f"/v1/parked/{parked_id}/{act}"
        for body in ({}, {"reason": ""}, {"reason": "  "}):
            answer = await online.post(path, json=body, headers=headers("sre"))
            assert answer.status_code == 422
        refused = await online.post(path, json={"reason": "x"}, headers=headers("boss"))
        assert refused.status_code == 403
    assert (await online.get("/v1/parked", headers=headers("sales_lead", "*"))).status_code == 403


async def test_many_are_counted_first_then_released_in_order_each_with_its_line(
    online: httpx.AsyncClient, sample_database: str, headers: Headers
) -> None:
    ids = [
        await park(sample_database, offset=n, subject=f"c{n % 2}", sequence=n) for n in range(1, 6)
    ]
    sre, body = headers("sre"), {"topic": "ops", "parked_as": "unprocessable", "reason": "mended"}
    dry = await online.post("/v1/parked/release", json=body | {"dry_run": True}, headers=sre)
    assert dry.json() == {"matched": 5, "requested": 0, "dry_run": True}
    assert (await online.get("/v1/parked/audit", headers=sre)).json()["items"] == []
    done = await online.post("/v1/parked/release", json=body | {"limit": 3}, headers=sre)
    assert done.json() == {"matched": 5, "requested": 3, "dry_run": False}
    again = await online.post("/v1/parked/release", json=body, headers=sre)
    assert again.json() == {"matched": 2, "requested": 2, "dry_run": False}
    audit = (await online.get("/v1/parked/audit", headers=sre)).json()["items"]
    assert [line["parked_id"] for line in audit] == ids
    assert {(line["action"], line["reason"]) for line in audit} == {("release", "mended")}
    one = (await online.get(f"/v1/parked/{ids[0]}/audit", headers=sre)).json()["items"]
    assert [line["parked_id"] for line in one] == [ids[0]]


async def test_many_of_a_subject_are_not_discarded_past_an_earlier_one(
    online: httpx.AsyncClient, sample_database: str, headers: Headers
) -> None:
    await park(sample_database, offset=1, subject="c1", sequence=1)
    await park(sample_database, offset=2, subject="c1", sequence=2)
    connection = await asyncpg.connect(sample_database)
    await connection.execute("UPDATE consumer_parked SET reason = 'schema' WHERE record_offset = 1")
    await connection.close()
    body = {"parked_as": "unprocessable", "reason": "x"}
    done = await online.post("/v1/parked/discard", json=body, headers=headers("sre"))
    assert done.json() == {"matched": 1, "requested": 0, "dry_run": False}
    refused = await online.post("/v1/parked/discard", json=body, headers=headers("boss"))
    assert refused.status_code == 403


async def test_a_stopped_partition_is_seen_and_let_go_on_with_a_reason(
    online: httpx.AsyncClient, sample_database: str, headers: Headers
) -> None:
    connection = await asyncpg.connect(sample_database)
    await connection.execute(
        "INSERT INTO consumer_positions (consumer, topic, partition, next_offset, epoch, owner,"
        " stopped) VALUES ('sample', 'ops', 0, 7, 1, 'x', 'too much was rejected')"
    )
    await connection.close()
    sre = headers("sre")
    [stopped] = (await online.get("/v1/parked/stopped", headers=sre)).json()["items"]
    assert (stopped["next_offset"], stopped["reason"]) == (7, "too much was rejected")
    body = {"consumer": "sample", "topic": "ops", "partition": 0, "reason": "1.4.2 is out"}
    resumed = await online.post("/v1/parked/stopped/resume", json=body, headers=sre)
    assert resumed.json() == {"items": []}
    again = await online.post("/v1/parked/stopped/resume", json=body, headers=sre)
    assert again.status_code == 409
    [line] = (await online.get("/v1/parked/audit", headers=sre)).json()["items"]
    assert (line["parked_as"], line["subject"], line["reason"]) == (
        *("stopped", "ops/0/7", "1.4.2 is out"),
    )
