"""Rows and events become durable together, once, before the answer is sent."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import asyncpg
import httpx
import pytest
from sample.app import create_app
from sqlalchemy import text

from chassis.auth import SYSTEM
from chassis.clock import SetClock
from chassis.errors import Conflict
from chassis.resources import Resources
from chassis.work import begin
from events.types.ops import CostVoided

NOTE = {"id": "n1", "title": "first", "amount_minor": 5}
INSERT_NOTE = "INSERT INTO notes VALUES ($1, NULL, $1, 1, NULL, 1, now()) RETURNING id"


async def rows(url: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


async def test_row_and_event_commit_together(
    online: httpx.AsyncClient, sample_database: str
) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = await online.post("/v1/notes", json=NOTE, headers={"traceparent": trace})
    assert answer.status_code == 201
    assert answer.headers["etag"] == '"1"'
    [event] = await rows(sample_database, "SELECT * FROM outbox")
    assert (event["aggregateid"], event["aggregate_version"]) == ("n1", 1)
    assert event["source"] == "/tandem/sample"
    assert trace.split("-")[1] in event["traceparent"]
    assert len(await rows(sample_database, "SELECT * FROM notes")) == 1


async def test_a_commit_that_fails_is_not_acknowledged(
    online: httpx.AsyncClient, sample_database: str
) -> None:
    # The foreign key is deferred, so that only COMMIT itself finds it broken.
    answer = await online.post("/v1/notes", json={**NOTE, "parent_id": "nobody"})
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:tandem:problem:reference-missing"
    assert await rows(sample_database, "SELECT * FROM notes") == []
    assert await rows(sample_database, "SELECT * FROM outbox") == []


async def test_a_unique_value_that_is_taken_is_a_conflict(online: httpx.AsyncClient) -> None:
    await online.post("/v1/notes", json=NOTE)
    answer = await online.post("/v1/notes", json={**NOTE, "id": "n2"})
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["type"] == "urn:tandem:problem:already-exists"
    assert "first" not in answer.text


async def test_a_change_needs_the_version_that_it_was_made_from(online: httpx.AsyncClient) -> None:
    await online.post("/v1/notes", json=NOTE)
    missing = await online.patch("/v1/notes/n1", json={"title": "second"})
    assert missing.status_code == 428
    done = await online.patch("/v1/notes/n1", json={"title": "second"}, headers={"if-match": '"1"'})
    assert (done.status_code, done.headers["etag"]) == (200, '"2"')
    stale = await online.patch("/v1/notes/n1", json={"title": "third"}, headers={"if-match": '"1"'})
    assert stale.status_code == 412
    assert stale.json()["current"]["title"] == "second"
    assert stale.json()["changed"] == ["title"]
    assert stale.json()["version"] == 2


async def test_of_two_changes_at_the_same_moment_one_wins(
    online: httpx.AsyncClient, sample_database: str
) -> None:
    await online.post("/v1/notes", json=NOTE)
    answers = await asyncio.gather(
        *(
            online.patch("/v1/notes/n1", json={"title": f"t{n}"}, headers={"if-match": '"1"'})
            for n in range(8)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    assert len(await rows(sample_database, "SELECT * FROM outbox")) == 2


async def test_two_units_that_say_the_same_version_conflict(
    make_settings: Callable[[str], object], client_of: Callable[..., object], sample_database: str
) -> None:
    app = create_app(make_settings(sample_database))  # type: ignore[arg-type]
    resources: Resources = app.state.resources
    async with app.router.lifespan_context(app):
        async with begin(resources, actor=SYSTEM) as work:
            await work.record(CostVoided(cost_id="c"), sequence=1)
        with pytest.raises(Exception, match="outbox_version_is_unique"):
            async with begin(resources, actor=SYSTEM) as work:
                await work.record(CostVoided(cost_id="c"), sequence=1)


async def test_an_event_travels_with_the_statement_that_makes_it_true(
    make_settings: Callable[[str], object], sample_database: str
) -> None:
    """A command of one statement is three round trips to PostgreSQL, its event included."""
    sent: list[str] = []
    app = create_app(make_settings(sample_database))  # type: ignore[arg-type]
    async with app.router.lifespan_context(app):
        async with begin(app.state.resources, actor=SYSTEM) as work:
            (await work.driver()).add_query_logger(lambda logged: sent.append(logged.query))
        sent.clear()
        async with begin(app.state.resources, actor=SYSTEM) as work:
            await work.record(CostVoided(cost_id="c"), sequence=1)
            assert await work.write(INSERT_NOTE, "n") == "n"
    assert [statement.split()[0] for statement in sent] == ["BEGIN;", "WITH", "COMMIT;"]
    [event] = await rows(sample_database, "SELECT * FROM outbox")
    assert event["aggregateid"] == "c"


async def test_a_savepoint_takes_back_rows_and_not_the_events_that_are_recorded(
    make_settings: Callable[[str], object], sample_database: str
) -> None:
    app = create_app(make_settings(sample_database))  # type: ignore[arg-type]
    async with (
        app.router.lifespan_context(app),
        begin(app.state.resources, actor=SYSTEM) as work,
    ):
        await work.record(CostVoided(cost_id="c"), sequence=1)
        async with work.session.begin_nested() as savepoint:
            await work.write(INSERT_NOTE, "undone")
            await savepoint.rollback()
        await work.write(INSERT_NOTE, "kept")
    assert [row["id"] for row in await rows(sample_database, "SELECT id FROM notes")] == ["kept"]
    assert len(await rows(sample_database, "SELECT * FROM outbox")) == 1


async def test_sessions_that_the_server_has_ended_are_replaced_unseen(
    online: httpx.AsyncClient, sample_database: str
) -> None:
    await online.post("/v1/notes", json=NOTE)
    ended = await rows(
        sample_database,
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    assert ended
    await asyncio.sleep(0)  # the event loop hears of it before the next request
    assert (await online.get("/v1/notes/n1")).status_code == 200


async def test_a_unit_that_raises_leaves_nothing(
    make_settings: Callable[[str], object], sample_database: str
) -> None:
    app = create_app(make_settings(sample_database))  # type: ignore[arg-type]

    async def change_my_mind() -> None:
        async with begin(app.state.resources, actor=SYSTEM) as work:
            await work.session.execute(
                text("INSERT INTO notes VALUES ('n', NULL, 't', 1, NULL, 1, now())")
            )
            await work.record(CostVoided(cost_id="c"), sequence=1)
            raise Conflict("changed my mind")

    async with app.router.lifespan_context(app):
        with pytest.raises(Conflict):
            await change_my_mind()
    assert await rows(sample_database, "SELECT * FROM notes") == []
    assert await rows(sample_database, "SELECT * FROM outbox") == []


async def test_history_needs_its_permission_and_a_sensible_moment(
    make_settings: Callable[[str], object],
    client_of: Callable[..., object],
    sample_database: str,
    clock: SetClock,
    headers: Callable[..., dict[str, str]],
) -> None:
    app = create_app(make_settings(sample_database), clock)  # type: ignore[arg-type]
    async with client_of(app) as client:  # type: ignore[attr-defined]
        past = (clock.now() - timedelta(days=30)).isoformat()
        future = (clock.now() + timedelta(seconds=1)).isoformat()
        refused = await client.post(
            "/v1/notes", json={**NOTE, "occurred_at": past}, headers=headers("sales_rep")
        )
        assert refused.status_code == 403
        early = await client.post("/v1/notes", json={**NOTE, "occurred_at": future})
        assert early.status_code == 422
        assert early.json()["errors"][0]["field"] == "occurred_at"
        done = await client.post("/v1/notes", json={**NOTE, "occurred_at": past})
        assert done.status_code == 201
        backwards = await client.patch(
            "/v1/notes/n1",
            json={"title": "x", "occurred_at": (clock.now() - timedelta(days=31)).isoformat()},
            headers={"if-match": '"1"'},
        )
        assert backwards.status_code == 422
        assert "before the last change" in backwards.json()["detail"]
    [event] = await rows(sample_database, "SELECT * FROM outbox")
    assert event["occurred_at"] == clock.now() - timedelta(days=30)
    assert event["recorded_at"] == clock.now()


async def test_an_import_takes_good_rows_and_answers_each(
    online: httpx.AsyncClient, sample_database: str
) -> None:
    body = {
        "rows": [
            {"external_ref": "a", "title": "a"},
            {"external_ref": "b", "title": "b", "amount_minor": -1},
            {"external_ref": "a", "title": "again"},
            {"external_ref": "c", "title": "c", "colour": "red"},
            {"external_ref": "d", "title": "d\0"},
            {"external_ref": "e", "title": "e"},
        ]
    }
    trial = await online.post("/v1/notes/import", json={**body, "dry_run": True})
    assert trial.status_code == 200
    assert await rows(sample_database, "SELECT * FROM notes") == []
    assert await rows(sample_database, "SELECT * FROM outbox") == []
    answer = await online.post("/v1/notes/import", json=body)
    results = answer.json()["results"]
    assert results == trial.json()["results"]
    assert [one["index"] for one in results] == [0, 1, 2, 3, 4, 5]
    assert [one["status"][0] for one in results] == list("crrrrc")
    assert results[1]["problem"]["errors"][0]["field"] == "amount_minor"
    assert results[2]["problem"]["type"] == "urn:tandem:problem:repeated-row"
    assert len(await rows(sample_database, "SELECT * FROM notes")) == 2
    assert len(await rows(sample_database, "SELECT * FROM outbox")) == 2


async def test_pages_show_every_row_once_though_rows_are_added(online: httpx.AsyncClient) -> None:
    for number in range(7):
        await online.post("/v1/notes", json={"id": f"n{number}", "title": f"t{number}"})
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query: dict[str, str | int] = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await online.get("/v1/notes", params=query)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        if len(seen) == 3:
            await online.post("/v1/notes", json={"id": "late", "title": "late"})
    assert seen == [f"n{number}" for number in range(7)] + ["late"]


async def test_a_cursor_works_only_for_its_own_list_and_filters(online: httpx.AsyncClient) -> None:
    for number in range(3):
        await online.post("/v1/notes", json={"id": f"n{number}", "title": f"t{number}"})
    cursor = (await online.get("/v1/notes", params={"limit": 1})).json()["next_cursor"]
    for params in (
        {"cursor": cursor, "team": "north"},
        {"cursor": cursor[:-2]},
        {"cursor": "AAAA"},
        {"cursor": "ü"},
        {"cursor": ""},
    ):
        answer = await online.get("/v1/notes", params=params)
        assert answer.status_code == 422, params
        assert answer.json()["errors"][0]["field"].endswith("cursor")


async def test_rows_of_other_teams_do_not_exist(
    online: httpx.AsyncClient, headers: Callable[..., dict[str, str]]
) -> None:
    await online.post("/v1/notes", json={**NOTE, "team": "north"})
    path = "/v1/notes/n1"
    assert (await online.get(path, headers=headers("sales_rep", "north"))).status_code == 200
    foreign = await online.get(path, headers=headers("sales_rep", "south"))
    missing = await online.get("/v1/notes/n9", headers=headers("sales_rep", "south"))
    assert foreign.status_code == missing.status_code == 404
    assert {**foreign.json(), "trace_id": ""} == {**missing.json(), "trace_id": ""}
    assert (await online.get(path, headers=headers("sales_lead", "*"))).status_code == 200
    assert (await online.get(path, headers=headers("partner"))).status_code == 403
