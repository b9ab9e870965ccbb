"""Partners' keys from the first to the last: real PostgreSQL, real HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
import zlib
from typing import Any, Final

import asyncpg
import pytest

from gateway.app import create_app
from gateway.partner_keys.ring import FRESH_SECONDS

House = Any
SHOP = "/partners/webshop"
ORDER = "com.tandem.partner.order.paid.v1"
REFUND = "com.tandem.partner.payment.refunded.v1"
STRUCTURED = {"Content-Type": "application/cloudevents+json"}


def order(event_id: str = "e1", **changes: Any) -> dict[str, Any]:
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": SHOP,
        "type": ORDER,
        "time": "2026-03-01T10:00:00Z",
        "data": {"order_id": "o1", "amount": {"amount_minor": 1000, "currency": "USD"}},
    }
    return {**event, **changes}


def admin(house: House) -> dict[str, str]:
    bearer: dict[str, str] = house.bearer("admin", subject="ada")
    return bearer


async def issue(house: House, **changes: Any) -> dict[str, Any]:
    body = {"partner": "webshop", "sources": [SHOP], "reason": "contract 7", **changes}
    answer = await house.client.post("/v1/partner-keys", json=body, headers=admin(house))
    assert answer.status_code == 201, answer.text
    issued: dict[str, Any] = answer.json()
    return issued


async def act(house: House, key_id: str, what: str, **body: Any) -> Any:
    path = f"/v1/partner-keys/{key_id}/{what}"
    return await house.client.post(path, json={"reason": "why", **body}, headers=admin(house))


async def send(house: House, key: str, event: dict[str, Any]) -> Any:
    headers = {"Authorization": f"Bearer {key}"} | STRUCTURED
    return await house.client.post("/v1/events", content=json.dumps(event), headers=headers)


async def in_database(house: House, statement: str, *values: Any) -> list[Any]:
    connection = await asyncpg.connect(house.app.state.resources.settings.database_url)
    try:
        return await connection.fetch(statement, *values)
    finally:
        await connection.close()


def refused(answer: Any, kind: str) -> dict[str, Any]:
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"urn:tandem:problem:{kind}"
    assert problem["hint"]
    return problem


async def test_partner_sends_and_reads_back_with_a_key(house: House) -> None:
    issued = await issue(house)
    assert issued["state"] == "live"
    assert (await send(house, issued["key"], order())).status_code == 202
    read = await house.client.get(
        "/v1/events", headers={"Authorization": f"Bearer {issued['key']}"}
    )
    assert [item["event"]["id"] for item in read.json()["items"]] == ["e1"]
    assert "ratelimit" in read.headers


async def test_only_a_hash_of_the_key_is_kept_and_it_is_shown_once(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    issued = await issue(house)
    await send(house, issued["key"], order())
    secret = issued["key"].rpartition("_")[2]
    rows = await in_database(
        house, "SELECT k::text FROM partner_keys k UNION SELECT a::text FROM partner_key_audit a"
    )
    assert rows
    assert all(secret not in row[0] for row in rows)
    assert secret not in caplog.text
    for path in ("/v1/partner-keys", f"/v1/partner-keys/{issued['id']}", "/v1/partner-keys/audit"):
        shown = await house.client.get(path, headers=admin(house))
        assert shown.status_code == 200
        assert issued["id"] in shown.text
        assert secret not in shown.text


async def test_key_speaks_for_its_sources_and_types_alone(house: House) -> None:
    key = (await issue(house, types=[ORDER]))["key"]
    foreign = await send(house, key, order(source="/partners/other"))
    assert foreign.status_code == 403
    assert foreign.json()["type"] == "urn:tandem:problem:source-not-yours"
    data = {
        "refund_id": "r1",
        "source_type": "order",
        "source_id": "o1",
        "amount": {"amount_minor": 5, "currency": "USD"},
    }
    other = await send(house, key, order("e2", type=REFUND, data=data))
    assert other.status_code == 403
    assert other.json()["type"] == "urn:tandem:problem:type-not-yours"
    assert other.json()["errors"][0]["field"] == "type"
    assert (await send(house, key, order("e3"))).status_code == 202


async def test_key_opens_nothing_but_partners_routes(house: House) -> None:
    bearer = {"Authorization": f"Bearer {(await issue(house))['key']}"}
    for path in ("/v1/deals", "/v1/kpis/revenue_net", "/v1/partner-keys", "/v1/parked"):
        assert (await house.client.get(path, headers=bearer)).status_code == 403, path
    own = {"partner": "webshop", "sources": ["/x"], "reason": "more"}
    assert (
        await house.client.post("/v1/partner-keys", json=own, headers=bearer)
    ).status_code == 403


async def test_scope_to_read_does_not_publish(house: House) -> None:
    key = (await issue(house, scopes=["events:read"]))["key"]
    assert (await send(house, key, order())).status_code == 403
    read = await house.client.get("/v1/events", headers={"Authorization": f"Bearer {key}"})
    assert read.status_code == 200


async def test_only_administrators_manage_keys(house: House) -> None:
    body = {"partner": "webshop", "sources": [SHOP], "reason": "mine"}
    for role in ("boss", "sales_lead", "importer", "partner", "sre"):
        headers = house.bearer(role)
        made = await house.client.post("/v1/partner-keys", json=body, headers=headers)
        listed = await house.client.get("/v1/partner-keys", headers=headers)
        assert (made.status_code, listed.status_code) == (403, 403), role


async def test_unknown_wrong_and_damaged_keys_are_refused_alike(house: House) -> None:
    key = (await issue(house))["key"]
    other = (await issue(house, partner="other", sources=["/partners/other"]))["key"]
    await act(house, other.split("_")[2], "revoke")
    refused(await send(house, key[:-1], order()), "partner-key-unknown")
    # The public id of a revoked key, with a secret that is not its own but well formed.
    forged = _with_checksum(other.rpartition("_")[0] + "_" + "A" * 43)
    refused(await send(house, forged, order()), "partner-key-unknown")
    stranger = _with_checksum("tandem_test_aaaaaaaaaaaa_" + "A" * 43)
    refused(await send(house, stranger, order()), "partner-key-unknown")
    assert (await send(house, key, order())).status_code == 202
    count = house.app.state.parts.telemetry.partner_keys_refused
    assert count.labels("damaged")._value.get() == 1
    assert count.labels("unknown")._value.get() == 2


def _with_checksum(body: str) -> str:
    return f"{body}{zlib.crc32(body.encode()):08x}"


async def test_strangers_cannot_make_the_gateway_ask_the_database_for_each_key(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = (await issue(house))["key"]
    assert (await send(house, key, order())).status_code == 202
    ring = house.app.state.parts.partner_keys
    reads, read = [], ring._keys

    async def counted() -> Any:
        reads.append(1)
        return await read()

    monkeypatch.setattr(ring, "_keys", counted)
    forged = [_with_checksum(f"tandem_test_{n:012d}_" + "A" * 43) for n in range(100)]
    answers = await asyncio.gather(*(send(house, one, order()) for one in forged))
    assert {answer.status_code for answer in answers} == {401}
    assert len(reads) < 50


async def test_revoked_key_is_refused_at_once_and_says_so(house: House) -> None:
    issued = await issue(house)
    assert (await send(house, issued["key"], order())).status_code == 202
    revoked = await act(house, issued["id"], "revoke")
    assert (revoked.status_code, revoked.json()["state"]) == (200, "revoked")
    refused(await send(house, issued["key"], order("e2")), "partner-key-revoked")
    again = await act(house, issued["id"], "revoke")
    assert again.json()["revoked_at"] == revoked.json()["revoked_at"]
    rotated = await act(house, issued["id"], "rotate")
    assert rotated.status_code == 409


async def test_other_gateways_notice_a_revocation_while_the_key_is_held(house: House) -> None:
    issued = await issue(house)
    other = create_app(house.app.state.resources.settings)
    ring = other.state.parts.partner_keys
    async with other.router.lifespan_context(other):
        assert (await ring.authenticate(issued["key"])).id == "partner:webshop"
        await act(house, issued["id"], "revoke")
        ring._read_at -= FRESH_SECONDS  # as if so long had passed
        with pytest.raises(Exception, match="revoked"):
            await ring.authenticate(issued["key"])


async def test_keys_open_nothing_while_they_cannot_be_looked_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = (await issue(house))["key"]
    assert (await send(house, key, order())).status_code == 202
    ring = house.app.state.parts.partner_keys

    class Away:
        @property
        def pool(self) -> Any:
            raise ConnectionRefusedError("no database")

    database, ring._database = ring._database, Away()
    ring.forget()
    answer = await send(house, key, order())
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    ring._database = database
    assert (await send(house, key, order())).status_code == 202


async def test_expired_key_is_refused_and_says_since_when(house: House) -> None:
    issued = await issue(house)
    await in_database(
        house, "UPDATE partner_keys SET expires_at = now() - interval '1 minute' RETURNING id"
    )
    house.app.state.parts.partner_keys.forget()
    problem = refused(await send(house, issued["key"], order()), "partner-key-expired")
    assert problem["expired_at"] < (await _shown(house, issued["id"]))["issued_at"]
    assert (await _shown(house, issued["id"]))["state"] == "expired"


async def _shown(house: House, key_id: str) -> dict[str, Any]:
    answer = await house.client.get(f"/v1/partner-keys/{key_id}", headers=admin(house))
    shown: dict[str, Any] = answer.json()
    return shown


async def test_rotation_leaves_both_keys_live_for_the_overlap(house: House) -> None:
    old = await issue(house, types=[ORDER])
    answer = await act(house, old["id"], "rotate", overlap_hours=2)
    new = answer.json()
    assert answer.status_code == 201
    assert new["replaces"] == old["id"]
    assert (new["sources"], new["types"], new["scopes"]) == (
        old["sources"],
        [ORDER],
        old["scopes"],
    )
    for number, key in enumerate((old["key"], new["key"])):
        assert (await send(house, key, order(f"e{number}"))).status_code == 202
    shown = await _shown(house, old["id"])
    assert shown["replaced_by"] == new["id"]
    assert shown["expires_at"] < old["expires_at"]
    assert (await act(house, old["id"], "rotate")).status_code == 409
    at_once = await act(house, new["id"], "rotate", overlap_hours=0)
    assert at_once.status_code == 201
    refused(await send(house, new["key"], order("e9")), "partner-key-expired")


async def test_every_act_leaves_a_line_with_who_and_why(house: House) -> None:
    first = await issue(house)
    second = (await act(house, first["id"], "rotate")).json()
    await act(house, second["id"], "revoke", reason="leaked")
    await act(house, second["id"], "revoke", reason="again")
    answer = await house.client.get("/v1/partner-keys/audit", headers=admin(house))
    lines = answer.json()["items"]
    assert [(line["action"], line["key_id"], line["reason"]) for line in lines] == [
        ("issue", first["id"], "contract 7"),
        ("rotate", first["id"], "why"),
        ("revoke", second["id"], "leaked"),
    ]
    assert {line["actor"] for line in lines} == {"ada"}
    about = await house.client.get(
        f"/v1/partner-keys/audit?key_id={second['id']}", headers=admin(house)
    )
    assert [line["action"] for line in about.json()["items"]] == ["revoke"]


async def test_last_use_is_noted(house: House) -> None:
    issued = await issue(house)
    assert (await _shown(house, issued["id"]))["last_used_at"] is None
    await send(house, issued["key"], order())
    await house.app.state.parts.partner_keys.note_use()
    assert (await _shown(house, issued["id"]))["last_used_at"] >= issued["issued_at"]


async def test_a_source_belongs_to_one_partner(house: House) -> None:
    mine = await issue(house)
    body = {"partner": "rival", "sources": ["/partners/rival", SHOP], "reason": "x"}
    taken = await house.client.post("/v1/partner-keys", json=body, headers=admin(house))
    assert taken.status_code == 409
    assert taken.json()["type"] == "urn:tandem:problem:source-of-another-partner"
    await issue(house)  # a second application of the same partner
    keys = (await house.client.get("/v1/partner-keys?partner=webshop", headers=admin(house))).json()
    assert mine["id"] in {item["id"] for item in keys["items"]}
    for item in keys["items"]:
        await act(house, item["id"], "revoke")
    again = await house.client.post("/v1/partner-keys", json=body, headers=admin(house))
    assert again.status_code == 201


NONSENSE: Final[list[dict[str, Any]]] = [
    {"sources": []},
    {"sources": ["/tandem/pipeline"]},
    {"sources": ["with space"]},
    {"types": []},
    {"types": ["com.tandem.pipeline.nothing.v1"]},
    {"scopes": []},
    {"scopes": ["deals:read"]},
    {"expires_in_days": 0},
    {"expires_in_days": 100_000},
    {"partner": "Not A Name"},
    {"reason": ""},
    {"surprise": 1},
]


async def test_nonsense_is_refused_with_the_field(house: House) -> None:
    for changes in NONSENSE:
        body = {"partner": "webshop", "sources": [SHOP], "reason": "why", **changes}
        answer = await house.client.post("/v1/partner-keys", json=body, headers=admin(house))
        assert answer.status_code == 422, changes
        assert next(iter(changes)) in answer.json()["errors"][0]["field"]


async def test_list_goes_on_where_its_page_ended(house: House) -> None:
    ids = [(await issue(house))["id"] for _ in range(3)]
    seen, cursor = [], ""
    while True:
        page = (
            await house.client.get(f"/v1/partner-keys?limit=1{cursor}", headers=admin(house))
        ).json()
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == ids


async def test_all_keys_of_a_partner_share_one_quota(build_house: Any) -> None:
    async with build_house(rate_limit_requests=2, rate_limit_seconds=3600) as house:
        keys = [(await issue(house))["key"], (await issue(house))["key"]]
        answers = [
            await house.client.get("/v1/events/limits", headers={"Authorization": f"Bearer {key}"})
            for key in (*keys, keys[0])
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 429]


async def test_stream_ends_when_its_key_is_revoked(house: House) -> None:
    issued = await issue(house)
    await send(house, issued["key"], order())
    bearer = {"Authorization": f"Bearer {issued['key']}", "Accept": "text/event-stream"}
    async with asyncio.timeout(30):
        async with house.client.stream("GET", "/v1/events/stream", headers=bearer) as response:
            lines = response.aiter_lines()
            assert (await anext(lines)).startswith(("event", "id", "retry"))
            await act(house, issued["id"], "revoke")
            rest = [line async for line in lines]
    assert any("renew" in line for line in rest)
