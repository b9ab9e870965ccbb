from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from .conftest import Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

WEIRD: list[tuple[bytes, int]] = [
    (b'{"name": 1}', 422),
    (b'{"name": ""}', 422),
    (b'{"name": null}', 422),
    (b'{"name": "A", "nmae": "B"}', 422),
    (b'{"name": "A\\u0000"}', 422),
    (b'{"name": "\\ud800"}', 422),
    (b'{"name": "A", "region": NaN}', 422),
    (b'{"name": "A", "region": 1e400}', 422),
    (b'{"name": "A", "occurred_at": "0000-01-01T00:00:00Z"}', 422),
    (b'{"name": "A", "occurred_at": "2999-01-01T00:00:00Z"}', 422),
    (b'{"name": "A", "occurred_at": "2017-01-01"}', 422),
    (b'{"name": "A", "occurred_at": 1}', 422),
    (b'{"name": "\xff"}', 400),
    (b'{"name": ', 400),
    (b"[]", 422),
    (b"null", 422),
    (b"", 422),
    (b"[" * 100_000, 400),
    (b'{"name": "' + b"x" * 501 + b'"}', 422),
    (b'{"name": "' + b"x" * 2**21 + b'"}', 413),
]


async def register(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post("/v1/customers", json={"name": "Ada Ltd"} | fields)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_customer_is_registered_read_and_changed(
    service: Service, admin: httpx.AsyncClient
) -> None:
    answer = await admin.post(
        "/v1/customers", json={"name": " Ada Ltd ", "segment": "smb", "external_ref": "A-1"}
    )
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["etag"] == '"1"'
    assert made["name"] == "Ada Ltd"
    path = answer.headers["location"]
    assert (await admin.get(path)).json() == made

    answer = await admin.patch(path, json={"region": "East"}, headers={"If-Match": '"1"'})
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"2"'
    assert answer.json()["region"] == "East"
    assert answer.json()["segment"] == "smb"

    same = await admin.patch(path, json={"region": "East"}, headers={"If-Match": '"2"'})
    assert same.headers["etag"] == '"2"'

    told = await service.promised(made["id"])
    assert [(version, kind) for version, kind, _ in told] == [
        (1, "customer.registered"),
        (2, "customer.profile_changed"),
    ]
    assert told[1][2]["customer"]["region"] == "East"
    assert "Ada" not in str(told)


async def test_a_change_without_its_version_is_refused(admin: httpx.AsyncClient) -> None:
    made = await register(admin)
    answer = await admin.patch(f"/v1/customers/{made['id']}", json={"region": "East"})
    assert answer.status_code == 428


async def test_a_stale_change_is_told_what_changed(admin: httpx.AsyncClient) -> None:
    made = await register(admin, region="West", segment="smb")
    path = f"/v1/customers/{made['id']}"
    for version, change in ((1, {"region": "East"}), (2, {"name": "Ada Inc"})):
        answer = await admin.patch(path, json=change, headers={"If-Match": f'"{version}"'})
        assert answer.status_code == 200
    stale = await admin.patch(path, json={"segment": "ent"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    problem = stale.json()
    assert problem["changed"] == ["name", "region"]
    assert problem["current"]["region"] == "East"
    assert problem["current"]["version"] == 3


async def test_null_takes_a_value_away_but_not_the_name(admin: httpx.AsyncClient) -> None:
    made = await register(admin, region="West")
    path = f"/v1/customers/{made['id']}"
    answer = await admin.patch(path, json={"region": None}, headers={"If-Match": '"1"'})
    assert answer.json()["region"] is None
    answer = await admin.patch(path, json={"name": None}, headers={"If-Match": '"2"'})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "name"


async def test_a_taken_reference_names_its_holder(admin: httpx.AsyncClient) -> None:
    first = await register(admin, external_ref="taken")
    second = await admin.post("/v1/customers", json={"name": "B", "external_ref": "taken"})
    assert second.status_code == 409
    assert second.json()["existing_id"] == first["id"]
    other = await register(admin)
    moved = await admin.patch(
        f"/v1/customers/{other['id']}", json={"external_ref": "taken"}, headers={"If-Match": '"1"'}
    )
    assert moved.status_code == 409
    assert moved.json()["existing_id"] == first["id"]


async def test_one_reference_registered_by_many_at_once_exists_once(
    admin: httpx.AsyncClient,
) -> None:
    answers = await asyncio.gather(
        *(
            admin.post("/v1/customers", json={"name": "A", "external_ref": "race"})
            for _ in range(20)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19


async def test_a_hundred_changes_at_once_leave_contiguous_versions(
    service: Service, admin: httpx.AsyncClient
) -> None:
    made = await register(admin)
    path = f"/v1/customers/{made['id']}"

    async def change(number: int) -> int:
        etag = (await admin.get(path)).headers["etag"]
        answer = await admin.patch(path, json={"segment": f"s{number}"}, headers={"If-Match": etag})
        return answer.status_code

    statuses = await asyncio.gather(*(change(number) for number in range(100)))
    assert set(statuses) <= {200, 412}
    assert 200 in statuses
    versions = [version for version, _, _ in await service.promised(made["id"])]
    assert versions == list(range(1, 2 + statuses.count(200)))
    assert (await admin.get(path)).json()["version"] == versions[-1]


async def test_the_list_pages_through_all_and_filters(admin: httpx.AsyncClient) -> None:
    made = [
        (await register(admin, name=f"Zeta {number} 100%", sector="paging"))["id"]
        for number in range(7)
    ]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = {"sector": "paging", "limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = (await admin.get("/v1/customers", params=query)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]
    named = await admin.get("/v1/customers", params={"name": "zeta 3 100%"})
    assert [item["id"] for item in named.json()["items"]] == [made[3]]
    assert (await admin.get("/v1/customers", params={"name": "zeta _"})).json()["items"] == []
    mistyped = await admin.get("/v1/customers", params={"secttor": "paging"})
    assert mistyped.status_code == 422


async def test_customers_are_asked_for_by_many_ids(admin: httpx.AsyncClient) -> None:
    made = [(await register(admin))["id"] for _ in range(60)]
    answer = await admin.get("/v1/customers", params={"ids": ",".join([*made, "nobody"])})
    assert {item["id"] for item in answer.json()["items"]} == set(made)
    assert answer.json()["next_cursor"] is None
    for wrong in (",".join("x" * 101), ",", ""):
        assert (await admin.get("/v1/customers", params={"ids": wrong})).status_code == 422


async def test_a_team_sees_its_own_customers_and_those_of_none(service: Service) -> None:
    async with (
        service.caller("sales_rep", teams=("north",)) as north,
        service.caller("sales_rep", teams=("south",)) as south,
        service.caller("boss") as boss,
    ):
        hers = await register(north, team="north", external_ref="bola")
        everybodys = await register(north)
        path = f"/v1/customers/{hers['id']}"
        tag = {"If-Match": '"1"'}

        assert (await south.get(path)).status_code == 404
        assert (await south.patch(path, json={"name": "X"}, headers=tag)).status_code == 404
        assert (await south.get(f"{path}/contacts")).status_code == 404
        assert (await south.post(f"{path}/contacts", json={"name": "X"})).status_code == 404
        listed = (await south.get("/v1/customers", params={"limit": 200})).json()["items"]
        assert hers["id"] not in {item["id"] for item in listed}
        assert everybodys["id"] in {item["id"] for item in listed}
        asked = await south.get("/v1/customers", params={"ids": hers["id"]})
        assert asked.json()["items"] == []
        taken = await south.post("/v1/customers", json={"name": "B", "external_ref": "bola"})
        assert taken.status_code == 409
        assert "existing_id" not in taken.json()
        assert (await boss.get(path)).status_code == 200
        assert (await boss.patch(path, json={"name": "X"}, headers=tag)).status_code == 403
        given = await south.post("/v1/customers", json={"name": "B", "team": "north"})
        assert given.status_code == 403
        moved = await north.patch(path, json={"team": "south"}, headers=tag)
        assert moved.status_code == 403


async def test_only_history_writers_say_when_it_happened(service: Service) -> None:
    when = "2017-03-31T15:30:00Z"
    async with service.caller("sales_rep") as rep, service.caller("importer") as importer:
        refused = await rep.post("/v1/customers", json={"name": "A", "occurred_at": when})
        assert refused.status_code == 403
        made = await register(importer, occurred_at=when)
        assert made["registered_at"] == when
        earlier = await importer.patch(
            f"/v1/customers/{made['id']}",
            json={"region": "East", "occurred_at": "2017-03-30T00:00:00Z"},
            headers={"If-Match": '"1"'},
        )
        assert earlier.status_code == 422
        assert earlier.json()["errors"][0]["field"] == "occurred_at"


@pytest.mark.parametrize(("body", "status"), WEIRD)
async def test_nonsense_is_refused_with_a_problem(
    admin: httpx.AsyncClient, body: bytes, status: int
) -> None:
    answer = await admin.post(
        "/v1/customers", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["hint"] or answer.json()["errors"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/customers/%00", 400),
        ("/v1/customers/nobody", 404),
        (f"/v1/customers/{'x' * 200}", 422),
        ("/v1/customers/a%0Ab", 422),
        ("/v1/customers?team=%00", 400),
        ("/v1/customers?limit=0", 422),
        ("/v1/customers?limit=1e9", 422),
        ("/v1/customers?cursor=invented", 422),
        ("/v1/customers?name=%ff", 200),
    ],
)
async def test_odd_addresses_are_answered(admin: httpx.AsyncClient, path: str, status: int) -> None:
    assert (await admin.get(path)).status_code == status


async def test_nobody_without_a_token_gets_anything(service: Service) -> None:
    async with service.caller() as client:
        client.headers.pop("Authorization")
        assert (await client.get("/v1/customers")).status_code == 401


async def test_contacts_live_with_their_customer_and_cause_no_event(
    service: Service, admin: httpx.AsyncClient
) -> None:
    made = await register(admin)
    path = f"/v1/customers/{made['id']}/contacts"
    answer = await admin.post(
        path, json={"name": "Ada", "email": "ada@example.com", "phone": "+49 (0)1 ext 5"}
    )
    assert answer.status_code == 201
    contact = answer.headers["location"]
    changed = await admin.patch(contact, json={"role": "buyer"}, headers={"If-Match": '"1"'})
    assert changed.json()["role"] == "buyer"
    stale = await admin.patch(contact, json={"role": "user"}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["changed"]) == (412, ["role"])
    assert len((await admin.get(path)).json()["items"]) == 1
    elsewhere = (await register(admin))["id"]
    foreign = contact.replace(made["id"], elsewhere)
    assert (await admin.get(foreign)).status_code == 404
    assert (await admin.post(path, json={"name": "B", "email": "no mail"})).status_code == 422
    assert (await admin.delete(contact)).status_code == 204
    assert (await admin.get(contact)).status_code == 404
    assert len(await service.promised(made["id"])) == 1
    assert (
        await service.rows(
            "SELECT 1 FROM changes WHERE subject_id = $1", contact.rpartition("/")[2]
        )
        == []
    )
