from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from .conftest import Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIFE = {
    "captured_at": "2017-01-01T00:00:00Z",
    "contacted_at": "2017-01-02T00:00:00Z",
    "qualified_at": "2017-01-03T00:00:00Z",
}


async def send(
    client: httpx.AsyncClient, what: str, rows: list[Any], *, dry_run: bool = False
) -> list[dict[str, Any]]:
    answer = await client.post(f"/v1/{what}/import", json={"rows": rows, "dry_run": dry_run})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    assert [result["index"] for result in results] == list(range(len(rows)))
    return results


def statuses(results: list[dict[str, Any]]) -> list[str]:
    return [result["status"] for result in results]


async def test_five_hundred_customers_sent_twice_are_there_once(
    service: Service, admin: httpx.AsyncClient
) -> None:
    rows = [
        {"external_ref": f"bulk-{number}", "name": f"Bulk {number}", "sector": "bulk"}
        for number in range(500)
    ]
    first = await send(admin, "customers", rows)
    assert set(statuses(first)) == {"created"}
    second = await send(admin, "customers", rows)
    assert set(statuses(second)) == {"unchanged"}
    assert [one["id"] for one in first] == [one["id"] for one in second]
    count = await service.rows(
        "SELECT count(*) FROM outbox WHERE aggregateid = ANY($1)", [one["id"] for one in first]
    )
    assert count[0][0] == 500


async def test_a_later_file_updates_what_it_gives_and_keeps_the_rest(
    service: Service, admin: httpx.AsyncClient
) -> None:
    row = {"external_ref": "later", "name": "Later", "sector": "tech", "region": "East"}
    made = (await send(admin, "customers", [row]))[0]["id"]
    change = {"external_ref": "later", "name": "Later", "region": None}
    assert statuses(await send(admin, "customers", [change])) == ["updated"]
    now = (await admin.get(f"/v1/customers/{made}")).json()
    assert (now["sector"], now["region"], now["version"]) == ("tech", None, 2)
    assert [version for version, _, _ in await service.promised(made)] == [1, 2]


async def test_bad_rows_are_named_and_the_good_ones_kept(admin: httpx.AsyncClient) -> None:
    rows: list[Any] = [
        {"external_ref": "good", "name": "Good"},
        {"external_ref": "bad-1", "name": 1},
        {"external_ref": "bad-2", "name": "B", "secttor": "x"},
        {"name": "no reference"},
        {"external_ref": "bad-3", "name": "B", "registered_at": "0000-01-01T00:00:00Z"},
        {"external_ref": "bad-4", "name": "B", "registered_at": "2999-01-01T00:00:00Z"},
        {"external_ref": "bad\u0000", "name": "B"},
        {"external_ref": "good", "name": "Good"},
        {"external_ref": "good", "name": "Other"},
    ]
    dry = await send(admin, "customers", rows, dry_run=True)
    results = await send(admin, "customers", rows)
    assert statuses(dry) == statuses(results)
    assert dry[0]["id"] is None
    assert statuses(results) == ["created", *["rejected"] * 6, "unchanged", "rejected"]
    assert results[7]["id"] == results[0]["id"]
    assert "row 0" in results[8]["problem"]["detail"]
    fields = [result["problem"]["errors"][0]["field"] for result in results[1:7]]
    assert fields == ["name", "secttor", "external_ref", *["registered_at"] * 2, "external_ref"]


async def test_a_dry_run_leaves_nothing(service: Service, admin: httpx.AsyncClient) -> None:
    row = {"external_ref": "dry", "name": "Dry"}
    assert statuses(await send(admin, "customers", [row], dry_run=True)) == ["created"]
    assert statuses(await send(admin, "customers", [row])) == ["created"]
    rows = await service.rows("SELECT id FROM customers WHERE external_ref = 'dry'")
    assert len(await service.promised(rows[0]["id"])) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"rows": []},
        {"rows": [{}] * 501},
        {"rows": {}},
        {"rows": [1]},
        {"rows": [None]},
        {},
        {"rows": [{}], "dry": True},
    ],
)
async def test_a_batch_that_is_no_batch_is_refused(admin: httpx.AsyncClient, body: Any) -> None:
    for what in ("customers", "leads"):
        assert (await admin.post(f"/v1/{what}/import", json=body)).status_code == 422


async def test_a_body_of_fifty_mebibytes_is_refused(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/v1/customers/import", content=b" " * (50 * 2**20))
    assert answer.status_code == 413


async def test_the_same_batch_sent_by_many_at_once_is_there_once(
    service: Service, admin: httpx.AsyncClient
) -> None:
    customers = [{"external_ref": f"race-{n}", "name": "Race"} for n in range(50)]
    leads = [
        LIFE
        | {
            "external_ref": f"race-{n}",
            "name": "Race",
            "converted_at": "2017-01-04T00:00:00Z",
            "customer": {"external_ref": f"raced-{n % 7}", "name": "Raced"},
        }
        for n in range(50)
    ]
    batches = await asyncio.gather(
        *(
            send(admin, what, rows if turn % 2 else rows[::-1])
            for turn in range(4)
            for what, rows in (("customers", customers), ("leads", leads))
        )
    )
    told = [status for results in batches for status in statuses(results)]
    assert told.count("created") == 100
    assert told.count("unchanged") == 300
    raced = await service.rows("SELECT id FROM customers WHERE external_ref LIKE 'raced-%'")
    assert len(raced) == 7
    doubles = await service.rows(
        "SELECT aggregateid FROM outbox WHERE payload::text LIKE '%lead.captured%'"
        " GROUP BY aggregateid, aggregate_version HAVING count(*) > 1"
    )
    assert doubles == []


async def test_a_lead_row_tells_a_whole_life(service: Service, admin: httpx.AsyncClient) -> None:
    customer = (await send(admin, "customers", [{"external_ref": "life-c", "name": "Life"}]))[0]
    rows: list[Any] = [
        LIFE
        | {
            "external_ref": "life-1",
            "name": "Person",
            "converted_at": "2017-01-04T00:00:00Z",
            "customer_id": customer["id"],
            "deal": {"pipeline": "standard"},
        },
        {
            "external_ref": "life-2",
            "captured_at": "2017-01-01T00:00:00Z",
            "disqualified_at": "2017-01-05T00:00:00Z",
            "disqualified_reason": "no_need",
        },
        LIFE
        | {
            "external_ref": "life-3",
            "name": "Person",
            "team": "north",
            "converted_at": "2017-01-04T00:00:00Z",
        },
        {"external_ref": "life-4"},
    ]
    results = await send(admin, "leads", rows)
    assert statuses(results) == ["created"] * 4
    assert statuses(await send(admin, "leads", rows)) == ["unchanged"] * 4
    kinds = [[kind for _, kind, _ in await service.promised(one["id"])] for one in results]
    assert kinds == [
        ["lead.captured", "lead.contacted", "lead.qualified", "lead.converted"],
        ["lead.captured", "lead.disqualified"],
        ["lead.captured", "lead.contacted", "lead.qualified", "lead.converted"],
        ["lead.captured"],
    ]
    first = (await admin.get(f"/v1/leads/{results[0]['id']}")).json()
    assert first["customer_id"] == customer["id"]
    assert first["deal"] == {"pipeline": "standard", "amount": None}
    third = (await admin.get(f"/v1/leads/{results[2]['id']}")).json()
    made = (await admin.get(f"/v1/customers/{third['customer_id']}")).json()
    assert (made["name"], made["team"]) == ("Person", "north")
    assert made["registered_at"] == "2017-01-04T00:00:00Z"


async def test_a_later_file_takes_a_lead_further(
    service: Service, admin: httpx.AsyncClient
) -> None:
    row: dict[str, Any] = {"external_ref": "further", "channel": "web"} | LIFE
    made = (await send(admin, "leads", [row]))[0]["id"]
    row |= {"channel": "fair", "converted_at": "2017-02-01T00:00:00Z"}
    named = row | {"customer": {"external_ref": "further-c", "name": "Further"}}
    assert statuses(await send(admin, "leads", [named])) == ["updated"]
    assert statuses(await send(admin, "leads", [named])) == ["unchanged"]
    assert [(version, kind) for version, kind, _ in await service.promised(made)][3:] == [
        (4, "lead.details_changed"),
        (5, "lead.converted"),
    ]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"contacted_at": "2016-01-01T00:00:00Z"}, "contacted_at"),
        ({"qualified_at": "2017-01-01T12:00:00Z"}, "qualified_at"),
        ({"captured_at": "2999-01-01T00:00:00Z"}, "captured_at"),
        ({"disqualified_at": "2017-01-05T00:00:00Z"}, "disqualified_reason"),
        ({"disqualified_reason": "spam"}, "disqualified_reason"),
        ({"customer": {"name": "A"}}, "converted_at"),
        ({"deal": {}}, "converted_at"),
        ({"converted_at": "2017-01-05T00:00:00Z", "customer_id": "nobody"}, "customer_id"),
        (
            {"converted_at": "2017-01-05T00:00:00Z", "customer_id": "a", "customer": {}},
            "customer_id",
        ),
        ({"converted_at": "2017-01-05T00:00:00Z"}, "customer.name"),
        (
            {
                "converted_at": "2017-01-05T00:00:00Z",
                "disqualified_at": "2017-01-05T00:00:00Z",
                "disqualified_reason": "spam",
            },
            "disqualified_at",
        ),
        ({"email": "no mail"}, "email"),
        ({"phone": "call me"}, "phone"),
        ({"status": "won"}, "status"),
    ],
)
async def test_a_life_that_cannot_be_is_rejected_by_its_field(
    service: Service, admin: httpx.AsyncClient, row: dict[str, Any], field: str
) -> None:
    before = await service.rows("SELECT count(*) FROM outbox")
    result = (await send(admin, "leads", [LIFE | {"external_ref": "cannot"} | row]))[0]
    assert result["status"] == "rejected"
    assert result["problem"]["errors"][0]["field"] == field
    assert result["problem"]["detail"]
    assert await service.rows("SELECT count(*) FROM outbox") == before


async def test_known_dates_and_ends_are_not_rewritten(admin: httpx.AsyncClient) -> None:
    row: dict[str, Any] = LIFE | {"external_ref": "fixed", "name": "Fixed"}
    end = {"disqualified_at": "2017-01-09T00:00:00Z", "disqualified_reason": "spam"}
    assert statuses(await send(admin, "leads", [row | end])) == ["created"]
    for change in (
        {"captured_at": "2016-12-31T00:00:00Z"},
        {"contacted_at": "2017-01-02T12:00:00Z"},
        end | {"disqualified_reason": "other"},
        {"converted_at": "2017-01-10T00:00:00Z"},
    ):
        assert statuses(await send(admin, "leads", [row | change])) == ["rejected"]


async def test_an_import_sees_no_further_than_its_teams(service: Service) -> None:
    async with (
        service.caller("sales_rep", teams=("north",)) as north,
        service.caller("sales_rep", teams=("south",)) as south,
    ):
        row = {"external_ref": "scoped", "name": "S", "team": "north"}
        assert statuses(await send(north, "customers", [row])) == ["created"]
        taken = await send(south, "customers", [{"external_ref": "scoped", "name": "X"}])
        assert statuses(taken) == ["rejected"]
        assert taken[0]["id"] is None
        foreign = await send(south, "customers", [{"external_ref": "f", "name": "X", "team": "n"}])
        assert statuses(foreign) == ["rejected"]
        dated = row | {"external_ref": "dated", "registered_at": "2017-01-01T00:00:00Z"}
        assert statuses(await send(north, "customers", [dated])) == ["rejected"]
