"""Projects and their tasks over HTTP, on a real database."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from events.event import decode_data

pytestmark = pytest.mark.asyncio(loop_scope="module")

BUDGET = {"amount_minor": 1_000_000, "currency": "USD"}


async def planned(client: httpx.AsyncClient, **details: Any) -> dict[str, Any]:
    body = {"name": "Move the warehouse", "due_on": "2099-03-31", "team": "north", **details}
    answer = await client.post("/v1/projects", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def act(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.is_success, answer.text
    return dict(answer.json())


async def task(
    client: httpx.AsyncClient, project_id: str, title: str, **more: Any
) -> dict[str, Any]:
    return await act(client, f"/v1/projects/{project_id}/tasks", title=title, **more)


async def test_a_project_is_led_from_plan_to_closed_and_every_step_is_an_event(
    admin: httpx.AsyncClient, service: Any
) -> None:
    project = await planned(admin, budget=BUDGET, owner_id="ada")
    path = f"/v1/projects/{project['id']}"
    pack = await task(admin, project["id"], "Pack", planned_start_on="2099-01-01", weight=3)
    drive = await task(admin, project["id"], "Drive", depends_on=[{"task_id": pack["id"]}])
    await act(admin, f"{path}/start")
    await act(admin, f"/v1/tasks/{pack['id']}/start")
    await act(admin, f"/v1/tasks/{pack['id']}/finish")
    await act(admin, f"{path}/monitor")
    await act(admin, f"/v1/tasks/{drive['id']}/start")
    await act(admin, f"/v1/tasks/{drive['id']}/finish")
    await act(admin, f"{path}/complete", accepted_first_time=True)
    await act(admin, f"{path}/evaluate")
    closed = await act(admin, f"{path}/close", evaluation="On time.\nThe scanners came late.")

    assert (closed["stage"], closed["progress_bp"], closed["version"]) == ("closed", 10_000, 8)
    assert closed["baselines"][0]["planned_values"][-1]["value_minor"] == 1_000_000
    events = await service.promised(project["id"])
    assert [version for version, _, _ in events] == list(range(1, 9))
    assert [kind for _, kind, _ in events] == [
        "project.created",
        "project.baselined",
        "project.progress_reported",
        "project.stage_changed",
        "project.progress_reported",
        "project.completed",
        "project.stage_changed",
        "project.stage_changed",
    ]
    assert [payload["project"].get("progress_bp", 0) for _, _, payload in events][2:5] == [
        7_500,
        7_500,
        10_000,
    ]
    assert "scanners" not in str(events), "texts stay in the service"
    history = (await admin.get(f"{path}/history")).json()["items"]
    assert [line["act"] for line in history] == [kind for _, kind, _ in events]
    assert history[1]["fields"] == ["baselines", "stage", "started_at"]


async def test_events_are_what_the_contract_says(admin: httpx.AsyncClient, service: Any) -> None:
    project = await planned(admin, budget={**BUDGET, "rate": "7.1", "rate_on": "2026-01-01"})
    await act(admin, f"/v1/projects/{project['id']}/start")
    rows = await service.rows(
        "SELECT type, payload FROM outbox WHERE aggregateid = $1", project["id"]
    )
    for row in rows:
        decoded: Any = decode_data(row["type"], row["payload"].encode())
        assert decoded.project.project_id == project["id"]


async def test_a_cycle_of_tasks_is_refused_by_name(admin: httpx.AsyncClient) -> None:
    project = await planned(admin)
    first = await task(admin, project["id"], "Design")
    second = await task(admin, project["id"], "Build", depends_on=[{"task_id": first["id"]}])

    answer = await admin.patch(
        f"/v1/tasks/{first['id']}",
        json={"depends_on": [{"task_id": second["id"], "kind": "SS"}]},
        headers={"If-Match": '"1"'},
    )

    assert answer.status_code == 422
    problem = answer.json()
    assert problem["type"] == "urn:tandem:problem:task-dependencies-cyclic"
    assert "Design waits for Build waits for Design" in problem["detail"]
    assert problem["errors"][0]["field"] == "depends_on"
    listed = (await admin.get(f"/v1/projects/{project['id']}/tasks")).json()["items"]
    assert [item["title"] for item in listed] == ["Design", "Build"]


async def test_a_task_may_not_run_ahead_of_what_it_waits_for(admin: httpx.AsyncClient) -> None:
    project = await planned(admin)
    first = await task(admin, project["id"], "Design")
    second = await task(admin, project["id"], "Build", depends_on=[{"task_id": first["id"]}])
    early = await admin.post(f"/v1/tasks/{first['id']}/start")
    assert early.json()["type"].endswith("project-not-in-stage")
    await act(admin, f"/v1/projects/{project['id']}/start")

    answer = await admin.post(f"/v1/tasks/{second['id']}/start")

    assert answer.status_code == 409
    assert "'Build' may not start before 'Design' has finished (FS)" in answer.json()["detail"]
    unfinished = await admin.post(
        f"/v1/projects/{project['id']}/complete", json={"accepted_first_time": True}
    )
    assert "2 of its tasks are not finished: 'Design', 'Build'" in unfinished.json()["detail"]


async def test_a_removed_task_is_gone_and_moves_the_progress(admin: httpx.AsyncClient) -> None:
    project = await planned(admin)
    done = await task(admin, project["id"], "Design")
    other = await task(admin, project["id"], "Extra")
    await act(admin, f"/v1/projects/{project['id']}/start")
    await act(admin, f"/v1/tasks/{done['id']}/start")
    await act(admin, f"/v1/tasks/{done['id']}/finish")

    gone = await admin.delete(f"/v1/tasks/{other['id']}", headers={"If-Match": '"1"'})

    assert gone.status_code == 204
    assert (await admin.get(f"/v1/tasks/{other['id']}")).status_code == 404
    assert (await admin.get(f"/v1/projects/{project['id']}")).json()["progress_bp"] == 10_000


async def test_a_stale_change_is_shown_what_changed_meanwhile(admin: httpx.AsyncClient) -> None:
    project = await planned(admin)
    path = f"/v1/projects/{project['id']}"
    first = await admin.patch(path, json={"due_on": "2099-05-01"}, headers={"If-Match": '"1"'})
    assert first.headers["etag"] == '"2"'

    stale = await admin.patch(path, json={"name": "Other"}, headers={"If-Match": '"1"'})

    assert stale.status_code == 412
    problem = stale.json()
    assert problem["changed"] == ["due_on"]
    assert problem["current"]["due_on"] == "2099-05-01"
    assert (await admin.patch(path, json={"name": "Other"})).status_code == 428


async def test_the_same_details_again_make_no_version_and_no_event(
    admin: httpx.AsyncClient, service: Any
) -> None:
    project = await planned(admin)
    answer = await admin.patch(
        f"/v1/projects/{project['id']}",
        json={"name": project["name"], "team": "north"},
        headers={"If-Match": '"1"'},
    )
    assert answer.headers["etag"] == '"1"'
    assert len(await service.promised(project["id"])) == 1


async def test_of_a_hundred_edits_from_one_version_one_wins(
    admin: httpx.AsyncClient, service: Any
) -> None:
    project = await planned(admin)
    path = f"/v1/projects/{project['id']}"

    answers = await asyncio.gather(
        *(
            admin.patch(path, json={"name": f"Name {number}"}, headers={"If-Match": '"1"'})
            for number in range(100)
        )
    )

    codes = [answer.status_code for answer in answers]
    assert codes.count(200) == 1
    assert set(codes) <= {200, 412, 503}
    assert [version for version, _, _ in await service.promised(project["id"])] == [1, 2]


async def test_a_hundred_edits_that_read_again_all_arrive_with_contiguous_versions(
    admin: httpx.AsyncClient, service: Any
) -> None:
    project = await planned(admin)
    path = f"/v1/projects/{project['id']}"

    async def edit(number: int) -> None:
        while True:
            tag = (await admin.get(path)).headers.get("etag", "")
            answer = await admin.patch(
                path, json={"owner_id": f"owner {number}"}, headers={"If-Match": tag}
            )
            if answer.status_code == 200:
                return
            assert answer.status_code in {412, 503}

    for start in range(0, 100, 10):
        await asyncio.gather(*(edit(number) for number in range(start, start + 10)))

    events = await service.promised(project["id"])
    assert [version for version, _, _ in events] == list(range(1, 102))
    assert len({payload["project"].get("owner_id") for _, _, payload in events}) == 101


async def test_history_is_told_in_order_and_only_with_the_permission(
    service: Any, admin: httpx.AsyncClient
) -> None:
    project = await planned(admin, occurred_at="2020-01-01T00:00:00Z")
    path = f"/v1/projects/{project['id']}"
    assert project["created_at"] == "2020-01-01T00:00:00Z"

    before = await admin.post(f"{path}/start", json={"occurred_at": "2019-12-31T00:00:00Z"})
    assert before.status_code == 422
    assert before.json()["errors"][0]["field"] == "occurred_at"
    async with service.caller("ops_lead", "north") as lead:
        refused = await lead.post(f"{path}/start", json={"occurred_at": "2020-02-01T00:00:00Z"})
        assert refused.status_code == 403
    started = await act(admin, f"{path}/start", occurred_at="2020-02-01T00:00:00Z")
    assert started["started_at"] == "2020-02-01T00:00:00Z"


async def test_rows_of_another_team_do_not_exist_for_the_caller(
    service: Any, admin: httpx.AsyncClient
) -> None:
    mine = await planned(admin, team="north")
    theirs = await planned(admin, team="south")
    their_task = await task(admin, theirs["id"], "Secret")
    tag = {"If-Match": '"1"'}
    path = f"/v1/projects/{theirs['id']}"
    task_path = f"/v1/tasks/{their_task['id']}"
    reason = {"reason": "because"}
    requests: list[tuple[str, str, Any]] = [
        ("GET", path, None),
        ("PATCH", path, {"name": "Mine"}),
        ("GET", f"{path}/history", None),
        ("GET", f"{path}/tasks", None),
        ("POST", f"{path}/tasks", {"title": "Mine"}),
        *(("POST", f"{path}/{step}", {}) for step in ("start", "monitor", "evaluate", "close")),
        ("POST", f"{path}/complete", {"accepted_first_time": True}),
        *(("POST", f"{path}/{step}", reason) for step in ("rebaseline", "cancel", "reopen")),
        ("GET", task_path, None),
        ("PATCH", task_path, {"title": "Mine"}),
        *(("POST", f"{task_path}/{step}", {}) for step in ("start", "finish", "reopen")),
        ("DELETE", task_path, None),
    ]
    async with service.caller("ops_lead", "north") as lead:
        for method, url, body in requests:
            answer = await lead.request(method, url, json=body, headers=tag)
            assert answer.status_code == 404, (method, url, answer.text)
        listed = (await lead.get("/v1/projects", params={"limit": 200})).json()["items"]
        assert mine["id"] in {item["id"] for item in listed}
        assert {item["team"] for item in listed} <= {"north", None}
        moved = await lead.patch(f"/v1/projects/{mine['id']}", json={"team": "south"}, headers=tag)
        assert (moved.status_code, moved.json()["errors"][0]["field"]) == (403, "team")
        foreign = await lead.post("/v1/projects", json={"name": "x", "team": "south"})
        assert foreign.status_code == 403
        own = await lead.post("/v1/projects", json={"name": "x"})
        assert own.json()["team"] == "north"


async def test_lists_filter_and_page_without_gap_or_double(admin: httpx.AsyncClient) -> None:
    made = [(await planned(admin, owner_id="pager"))["id"] for _ in range(7)]
    found: list[str] = []
    cursor = None
    while True:
        params: dict[str, Any] = {"owner_id": "pager", "limit": 3}
        if cursor is not None:
            params["cursor"] = cursor
        page = (await admin.get("/v1/projects", params=params)).json()
        found += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == made[::-1]


async def test_a_project_belongs_where_its_customer_does(
    admin: httpx.AsyncClient, service: Any
) -> None:
    unknown = await admin.post("/v1/projects", json={"name": "x", "customer_id": "nobody"})
    assert unknown.status_code == 409
    assert unknown.json()["retryable"] is True
    await service.rows(
        "INSERT INTO customers VALUES ('acme', 'web', 'smb', 'retail', 'East'),"
        " ('zeta', 'fair', 'big', 'steel', 'West')"
    )
    project = await planned(admin, customer_id="acme")
    assert [project[name] for name in ("channel", "segment", "sector", "region")] == [
        "web",
        "smb",
        "retail",
        "East",
    ]
    moved = await admin.patch(
        f"/v1/projects/{project['id']}", json={"customer_id": "zeta"}, headers={"If-Match": '"1"'}
    )
    assert (moved.json()["segment"], moved.json()["region"]) == ("big", "West")
    listed = (await admin.get("/v1/projects", params={"customer_id": "zeta"})).json()["items"]
    assert [item["id"] for item in listed] == [project["id"]]


async def test_two_projects_cannot_share_an_external_ref(admin: httpx.AsyncClient) -> None:
    body = {"name": "x", "external_ref": "P-1"}
    answers = await asyncio.gather(*(admin.post("/v1/projects", json=body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]


NONSENSE: list[tuple[Any, str]] = [
    ({}, "name"),
    ({"name": 7}, "name"),
    ({"name": ""}, "name"),
    ({"name": "a\u0000b"}, "name"),
    ({"name": "x", "colour": "red"}, "colour"),
    ({"name": "x", "due_on": "0000-01-01"}, "due_on"),
    ({"name": "x", "due_on": "2026-02-30"}, "due_on"),
    ({"name": "x", "progress_by": "mood"}, "progress_by"),
    ({"name": "x", "budget": {"amount_minor": -1, "currency": "USD"}}, "budget.amount_minor"),
    ({"name": "x", "budget": {"amount_minor": 1.5, "currency": "USD"}}, "budget.amount_minor"),
    ({"name": "x", "budget": {"amount_minor": True, "currency": "USD"}}, "budget.amount_minor"),
    ({"name": "x", "budget": {"amount_minor": 1, "currency": "usd"}}, "budget.currency"),
    ({"name": "x", "occurred_at": "2999-01-01T00:00:00Z"}, "occurred_at"),
    ({"name": "x", "occurred_at": "2020-01-01"}, "occurred_at"),
]


@pytest.mark.parametrize(("body", "field"), NONSENSE)
async def test_nonsense_is_refused_by_field(
    admin: httpx.AsyncClient, body: Any, field: str
) -> None:
    answer = await admin.post("/v1/projects", json=body)
    assert answer.status_code == 422, answer.text
    assert field in {fault["field"] for fault in answer.json()["errors"]}


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b'{"name": "\xff"}', b'{"name": "x", "budget": 1e400}', b'{"name": NaN}'],
)
async def test_broken_bodies_are_refused(admin: httpx.AsyncClient, raw: bytes) -> None:
    answer = await admin.post(
        "/v1/projects", content=raw, headers={"content-type": "application/json"}
    )
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize("project_id", ["nothing", "%00", "a" * 300, "..%2f"])
async def test_odd_ids_are_refused(admin: httpx.AsyncClient, project_id: str) -> None:
    answer = await admin.get(f"/v1/projects/{project_id}")
    assert 400 <= answer.status_code < 500


async def test_changing_how_progress_is_counted_reports_it(
    admin: httpx.AsyncClient, service: Any
) -> None:
    project = await planned(admin)
    small = await task(admin, project["id"], "Small", effort_minutes=60)
    await task(admin, project["id"], "Large", effort_minutes=180)
    await act(admin, f"/v1/projects/{project['id']}/start")
    await act(admin, f"/v1/tasks/{small['id']}/start")
    await act(admin, f"/v1/tasks/{small['id']}/finish")
    answer = await admin.patch(
        f"/v1/projects/{project['id']}",
        json={"progress_by": "effort"},
        headers={"If-Match": '"3"'},
    )
    assert (answer.json()["progress_bp"], answer.json()["version"]) == (2_500, 5)
    events = await service.promised(project["id"])
    assert [kind for _, kind, _ in events][-2:] == [
        "project.details_changed",
        "project.progress_reported",
    ]
