"""Bulk imports: each row with its own answer, the same again without effect."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

pytestmark = pytest.mark.asyncio(loop_scope="module")

WAREHOUSE: dict[str, Any] = {
    "external_ref": "P-1",
    "name": "Move the warehouse",
    "team": "north",
    "owner_id": "ada",
    "start_on": "2024-01-01",
    "due_on": "2024-03-31",
    "budget": {"amount_minor": 900_000, "currency": "USD"},
    "created_at": "2023-12-01T09:00:00Z",
    "started_at": "2024-01-01T09:00:00+08:00",
    "tasks": [
        {
            "title": "Drive",
            "external_ref": "t2",
            "planned_start_on": "2024-02-01",
            "planned_end_on": "2024-02-29",
            "depends_on": [{"task": "t1"}],
        },
        {
            "title": "Pack",
            "external_ref": "t1",
            "weight": 2,
            "planned_start_on": "2024-01-01",
            "planned_end_on": "2024-01-31",
            "started_at": "2024-01-02T09:00:00Z",
            "finished_at": "2024-02-02T09:00:00Z",
        },
    ],
}


@pytest_asyncio.fixture(loop_scope="module")
async def importer(service: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with service.caller("importer") as client:
        yield client


async def sent(
    client: httpx.AsyncClient, collection: str, *rows: dict[str, Any], **more: Any
) -> list[dict[str, Any]]:
    answer = await client.post(f"/v1/{collection}/import", json={"rows": list(rows), **more})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["results"])


def other(row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(row), **changes}


async def test_a_history_is_told_with_its_own_dates(
    importer: httpx.AsyncClient, service: Any
) -> None:
    (result,) = await sent(importer, "projects", WAREHOUSE)
    assert result["status"] == "created"

    rows = await service.rows(
        "SELECT type, occurred_at FROM outbox WHERE aggregateid = $1 ORDER BY id", result["id"]
    )
    assert [(row["type"].split(".")[4], row["occurred_at"].date().isoformat()) for row in rows] == [
        ("created", "2023-12-01"),
        ("baselined", "2024-01-01"),
        ("progress_reported", "2024-02-02"),
    ]
    project = (await importer.get(f"/v1/projects/{result['id']}")).json()
    assert (project["stage"], project["progress_bp"]) == ("execute", 6_666)
    curve = project["baselines"][0]["planned_values"]
    assert [(point["on"], point["value_minor"]) for point in curve] == [
        ("2023-12-31", 0),
        ("2024-01-31", 600_000),
        ("2024-02-29", 900_000),
    ]


async def test_a_history_goes_on_where_it_was_left(
    importer: httpx.AsyncClient, service: Any
) -> None:
    row = other(WAREHOUSE, external_ref="P-2")
    (first,) = await sent(importer, "projects", row)
    assert (await sent(importer, "projects", row))[0] == {**first, "status": "unchanged"}

    later = other(
        row,
        completed_at="2024-03-20T09:00:00Z",
        accepted_first_time=False,
        closed_at="2024-04-02T09:00:00Z",
        evaluation="Good.",
    )
    assert (await sent(importer, "projects", later))[0]["status"] == "updated"
    assert (await sent(importer, "projects", later))[0]["status"] == "unchanged"

    events = await service.promised(first["id"])
    assert [version for version, _, _ in events] == list(range(1, len(events) + 1))
    assert [kind.removeprefix("project.") for _, kind, _ in events] == [
        "created",
        "baselined",
        "progress_reported",
        "progress_reported",
        "stage_changed",
        "completed",
        "stage_changed",
        "stage_changed",
    ]
    assert events[-1][2]["project"]["stage"] == "closed"


async def test_what_is_stored_is_not_rewritten_but_explained(importer: httpx.AsyncClient) -> None:
    row = other(WAREHOUSE, external_ref="P-3", cancelled_at="2024-02-10T09:00:00Z")
    await sent(importer, "projects", row)
    (result,) = await sent(importer, "projects", other(row, cancelled_at="2024-02-11T09:00:00Z"))
    assert result["status"] == "rejected"
    assert result["problem"]["errors"][0]["field"] == "cancelled_at"


async def test_an_import_does_not_undo_what_people_did_since(importer: httpx.AsyncClient) -> None:
    row = other(WAREHOUSE, external_ref="P-4")
    (result,) = await sent(importer, "projects", row)
    path = f"/v1/projects/{result['id']}"
    tag = (await importer.get(path)).headers["etag"]
    await importer.patch(path, json={"owner_id": "bob"}, headers={"If-Match": tag})
    assert (await sent(importer, "projects", row))[0]["status"] == "unchanged"
    assert (await importer.get(path)).json()["owner_id"] == "bob"


async def test_a_delivered_project_needs_no_times_of_its_tasks(importer: httpx.AsyncClient) -> None:
    row = {
        "external_ref": "P-5",
        "name": "Retrofit",
        "due_on": "2024-03-31",
        "baseline": {"due_on": "2024-02-29"},
        "created_at": "2024-01-01T00:00:00Z",
        "completed_at": "2024-03-15T00:00:00Z",
        "tasks": [{"title": "One"}, {"title": "Two", "depends_on": [{"task": "One"}]}],
    }
    (result,) = await sent(importer, "projects", row)
    assert result["status"] == "created", result
    project = (await importer.get(f"/v1/projects/{result['id']}")).json()
    assert project["progress_bp"] == 10_000
    assert (project["due_on"], project["baselines"][0]["due_on"]) == ("2024-03-31", "2024-02-29")


async def test_good_rows_commit_beside_rejected_ones(
    importer: httpx.AsyncClient, service: Any
) -> None:
    cyclic = other(WAREHOUSE, external_ref="P-11")
    cyclic["tasks"][1]["depends_on"] = [{"task": "t2"}]
    early = other(WAREHOUSE, external_ref="P-12")
    early["tasks"][0]["started_at"] = "2024-01-15T00:00:00Z"
    rows = [
        other(WAREHOUSE, external_ref="P-10"),
        cyclic,
        early,
        other(WAREHOUSE, external_ref="P-13", completed_at="2999-01-01T00:00:00Z"),
        other(WAREHOUSE, external_ref="P-14", customer_id="nobody yet"),
        other(WAREHOUSE, external_ref="P-15", colour="red"),
        other(WAREHOUSE, external_ref="P-10", name="again"),
        other(WAREHOUSE, external_ref="P-16", due_on=None),
        other(WAREHOUSE, external_ref="P-17", started_at="2023-11-01T00:00:00Z"),
        other(WAREHOUSE, external_ref="P-18", completed_at="2024-03-01T00:00:00Z", evaluation="x")
        | {"closed_at": "2024-02-20T00:00:00Z"},
    ]
    before = await service.counted("projects")

    results = await sent(importer, "projects", *rows)

    assert [result["status"] for result in results] == ["created"] + ["rejected"] * 9
    assert await service.counted("projects") == before + 1
    fields = [[fault["field"] for fault in result["problem"]["errors"]] for result in results[1:]]
    assert fields[:2] == [["depends_on"], ["depends_on"]]
    assert fields[2] == ["completed_at"]
    assert fields[3:7] == [["customer_id"], ["colour"], ["external_ref"], ["due_on"]]
    assert fields[7] == ["started_at"]
    assert results[4]["problem"]["retryable"] is True
    assert all(result["problem"]["hint"] for result in results[1:])


async def test_a_dry_run_answers_and_leaves_nothing(
    importer: httpx.AsyncClient, service: Any
) -> None:
    before = [await service.counted(table) for table in ("projects", "tasks", "outbox", "changes")]
    (result,) = await sent(
        importer, "projects", other(WAREHOUSE, external_ref="P-20"), dry_run=True
    )
    assert result["status"] == "created"
    after = [await service.counted(table) for table in ("projects", "tasks", "outbox", "changes")]
    assert after == before


async def test_only_who_may_write_history_tells_when_things_happened(service: Any) -> None:
    async with service.caller("ops_lead", "north") as lead:
        (told,) = await sent(lead, "projects", other(WAREHOUSE, external_ref="P-30"))
        assert told["problem"]["type"] == "urn:tandem:problem:permission-missing"
        plain = {"external_ref": "P-30", "name": "Plain", "team": "north"}
        assert (await sent(lead, "projects", plain))[0]["status"] == "created"
        taken = {"external_ref": "P-31", "name": "Plain", "team": "south"}
        assert (await sent(lead, "projects", taken))[0]["status"] == "rejected"


def cost(number: int) -> dict[str, Any]:
    return {
        "external_ref": f"C-{number}",
        "kind": "project",
        "project_ref": "P-1",
        "amount": {"amount_minor": number, "currency": "USD"},
        "incurred_on": "2024-02-01",
    }


async def test_five_hundred_costs_are_taken_once(importer: httpx.AsyncClient, service: Any) -> None:
    await sent(importer, "projects", WAREHOUSE)
    rows = [cost(number) for number in range(500)]
    first = await sent(importer, "costs", *rows)
    assert {result["status"] for result in first} == {"created"}
    again = await sent(importer, "costs", *rows)
    assert {result["status"] for result in again} == {"unchanged"}
    assert [result["id"] for result in again] == [result["id"] for result in first]

    rows[7] = other(rows[7], amount={"amount_minor": 70, "currency": "USD"})
    changed = await sent(importer, "costs", *rows)
    assert [result["index"] for result in changed if result["status"] == "updated"] == [7]
    events = await service.promised(changed[7]["id"])
    assert [(version, payload["amount"]["amount_minor"]) for version, _, payload in events] == [
        (1, 7),
        (2, 70),
    ]
    assert events[0][2]["dimensions"] == {"team": "north"}


async def test_a_voided_cost_stays_voided_when_its_row_comes_again(
    importer: httpx.AsyncClient,
) -> None:
    row = {**cost(1), "external_ref": "C-void", "kind": "operating", "project_ref": None}
    (result,) = await sent(importer, "costs", row)
    await importer.post(f"/v1/costs/{result['id']}/void", json={"reason": "twice"})
    assert (await sent(importer, "costs", row))[0]["status"] == "unchanged"
    (refused,) = await sent(importer, "costs", other(row, incurred_on="2024-02-02"))
    assert refused["problem"]["type"] == "urn:tandem:problem:cost-already-voided"


async def test_time_logs_are_taken_once_and_fill_a_day_at_most(
    importer: httpx.AsyncClient, service: Any
) -> None:
    def row(number: int, minutes: int) -> dict[str, Any]:
        return {
            "external_ref": f"T-{number}",
            "person_id": "dora",
            "work_date": "2024-02-01",
            "minutes": minutes,
            "process": "support",
        }

    rows = [row(1, 700), row(2, 700), row(3, 41), row(4, 40)]
    first = await sent(importer, "time-logs", *rows)
    assert [result["status"] for result in first] == ["created", "created", "rejected", "created"]
    again = await sent(importer, "time-logs", *rows)
    assert [one["status"] for one in again] == ["unchanged", "unchanged", "rejected", "unchanged"]
    shorter = await sent(importer, "time-logs", row(1, 600), row(3, 41))
    assert [one["status"] for one in shorter] == ["updated", "created"]
    named_twice = {**row(5, 1), "project_ref": "P-1", "project_id": "x"}
    (refused,) = await sent(importer, "time-logs", named_twice)
    assert refused["problem"]["errors"][0]["field"] == "project_ref"


@pytest.mark.parametrize(
    "body", [{}, {"rows": []}, {"rows": [{}] * 501}, {"rows": [7]}, {"rows": {}}, {"row": [{}]}]
)
async def test_a_body_that_is_no_batch_is_refused(importer: httpx.AsyncClient, body: Any) -> None:
    assert (await importer.post("/v1/costs/import", json=body)).status_code == 422
