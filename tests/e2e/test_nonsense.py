"""Nonsense at the front door is refused by name, and leaves nothing behind."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

As = Callable[..., httpx.Client]
DEAL = '{"pipeline": "standard", "amount": {"amount_minor": %s, "currency": "USD"}}'
BODIES: dict[str, bytes] = {
    "no JSON": b"{",
    "empty": b"",
    "a list": b"[]",
    "broken UTF-8": b'{"name": "\xff\xfe"}',
    "a NUL": b'{"name": "a\\u0000b"}',
    "a lone surrogate": b'{"name": "\\ud800"}',
    "deeply nested": b"[" * 50_000,
    "an unknown field": b'{"name": "x", "nmae": "y"}',
    "a wrong type": b'{"name": 7}',
    "a number beyond all": b'{"name": 1e400}',
    "NaN": b'{"name": NaN}',
}
AMOUNTS = ("-1", "1e400", "NaN", "1.5", '"12"', "9999999999999999999999", "true", "null")
QUERIES = (
    {"period": "2017-Q9"},
    {"period": "0000"},
    {"grain": "fortnight", "from": "2017-01-01", "to": "2018-01-01"},
    {"grain": "day", "from": "0000-01-01", "to": "2017-01-01"},
    {"grain": "day", "from": "0001-01-01", "to": "9999-12-31"},
    {"period": "2017", "by": "star_sign"},
    {"period": "2017", "filter": "region"},
    {"period": "2017", "as_of": "yesterday"},
    {"period": "2017", "colour": "red"},
    {"period": "2017", "limit": "-1"},
    {"period": "2017", "cursor": "forged"},
)


def assert_refused(response: httpx.Response) -> Any:
    """A 4xx problem document that names what is wrong."""
    assert 400 <= response.status_code < 500, (response.status_code, response.text[:300])
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == response.status_code
    assert problem["title"]
    assert "trace_id" in problem
    return problem


def customers(admin: httpx.Client) -> int:
    return len(admin.get("/v1/customers", params={"limit": 200}).json()["items"])


@pytest.mark.parametrize("what", BODIES)
def test_a_body_of_nonsense_is_refused_and_makes_no_customer(as_role: As, what: str) -> None:
    admin = as_role("admin")
    before = customers(admin)
    json_type = {"content-type": "application/json"}
    assert_refused(admin.post("/v1/customers", content=BODIES[what], headers=json_type))
    assert customers(admin) == before


def test_a_body_of_fifty_mebibytes_is_too_large(as_role: As) -> None:
    response = as_role("admin").post(
        "/v1/customers",
        content=b'{"name": "' + b"x" * (50 << 20) + b'"}',
        headers={"content-type": "application/json"},
    )
    assert assert_refused(response)["status"] == 413


@pytest.mark.parametrize("amount", AMOUNTS)
def test_an_amount_that_is_none_is_refused_by_its_field(as_role: As, amount: str) -> None:
    response = as_role("admin").post(
        "/v1/deals", content=DEAL % amount, headers={"content-type": "application/json"}
    )
    problem = assert_refused(response)
    assert problem["status"] == 400 or "amount" in str(problem["errors"])


@pytest.mark.parametrize("query", QUERIES)
def test_a_question_of_nonsense_is_refused_with_a_hint(as_role: As, query: dict[str, str]) -> None:
    problem = assert_refused(as_role("boss").get("/v1/kpis/revenue_net", params=query))
    assert problem.get("hint") or problem.get("errors")


def test_unknown_things_are_not_found(as_role: As) -> None:
    boss = as_role("boss")
    for path in ("/v1/nothing", "/v1/kpis/nothing", "/v1/deals/nobody", "/v1/../etc/passwd"):
        assert_refused(boss.get(path))


def test_an_unknown_stage_and_a_day_in_the_year_zero_are_refused_row_by_row(as_role: As) -> None:
    rows = [
        {"external_ref": "nonsense-1", "stage": "limbo"},
        {"external_ref": "nonsense-2", "created_at": "0000-01-01T00:00:00Z"},
        {"external_ref": "nonsense-3", "amount": {"amount_minor": -5, "currency": "USD"}},
        {"external_ref": "nonsense-4", "surprise": 1},
    ]
    answer = as_role("importer").post("/v1/deals/import", json={"rows": rows})
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [result["status"] for result in results] == ["rejected"] * 4
    fields = [result["problem"]["errors"][0]["field"] for result in results]
    for field, expected in zip(fields, ("stage", "created_at", "amount", "surprise"), strict=True):
        assert expected in field


def test_without_a_good_token_nothing_is_told(as_role: As) -> None:
    client = as_role("boss")
    for token in ("", "Bearer", "Bearer nonsense", "Bearer e30.e30.", "Basic YTpi"):
        response = client.get("/v1/customers", headers={"authorization": token})
        assert assert_refused(response)["status"] == 401


def test_another_teams_customer_does_not_exist(as_role: As) -> None:
    made = as_role("admin").post("/v1/customers", json={"name": "Theirs", "team": None})
    assert made.status_code == 201, made.text
    owned = as_role("admin").post("/v1/customers", json={"name": "Theirs", "team": "team-theirs"})
    assert owned.status_code == 201, owned.text
    stranger = as_role("sales_rep", teams=("team-ours",))
    path = f"/v1/customers/{owned.json()['id']}"
    assert assert_refused(stranger.get(path))["status"] == 404
    assert assert_refused(stranger.get(f"{path}/overview"))["status"] == 404
    patch = stranger.patch(path, json={"name": "Mine"}, headers={"if-match": '"1"'})
    assert assert_refused(patch)["status"] == 404
    assert owned.json()["id"] not in stranger.get("/v1/customers", params={"limit": 200}).text


def test_a_role_without_the_permission_is_refused(as_role: As) -> None:
    response = as_role("ops_member").post("/v1/deals", json={"pipeline": "standard"})
    assert assert_refused(response)["status"] == 403
