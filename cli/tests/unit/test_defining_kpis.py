"""`tandem kpi define` makes a KPI or the next version of it, and says what is wrong with a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from tandem.main import app

OWN = {
    "id": "mine",
    "version": 1,
    "state": "in_force",
    "reason": None,
    "version_in_force": 1,
    "changed_by": "me",
    "progress": None,
    "kpi": {"name": {"en": "Mine", "zh": "我的"}, "formula": {"en": "deals won", "zh": "赢单"}},
}
NOT_FOUND = {"detail": "no KPI mine was defined by a user"}
ANSWERS = list[tuple[str, int, dict[str, Any]]]
Run = Callable[..., tuple[Any, list[httpx.Request]]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command against a gateway that answers by a script."""
    real = httpx.Client

    def run(answers: ANSWERS, *arguments: str, text: str | None = None) -> Any:
        sent: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            method, status, body = answers[len(sent)]
            sent.append(request)
            assert request.method == method
            return httpx.Response(status, json=body)

        def scripted(**options: Any) -> httpx.Client:
            return real(**options, transport=httpx.MockTransport(answer))

        monkeypatch.setattr("tandem.client.httpx.Client", scripted)
        given = ["kpi", *arguments]
        if "--help" not in arguments:
            given += ["--url", "http://gateway.test", "--token", "t"]
        result = CliRunner().invoke(app, given, input=text)
        assert len(sent) == len(answers), result.output
        return result, sent

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text("id: mine\nunit: count\nvalue: [{count: deal.won}]\n")
    return path


def test_what_is_new_is_posted_whole(run: Run, file: Path) -> None:
    result, sent = run([("GET", 404, NOT_FOUND), ("POST", 202, OWN)], "define", str(file))
    assert result.exit_code == 0
    assert "mine version 1: in force" in result.output
    assert "Mine = deals won" in result.output
    assert json.loads(sent[1].content)["id"] == "mine"


def test_what_is_there_is_replaced_from_the_version_that_was_read(run: Run, file: Path) -> None:
    changed = OWN | {"version": 5}
    script: ANSWERS = [("GET", 200, OWN | {"version": 4}), ("PUT", 202, changed)]
    result, sent = run(script, "define", str(file))
    assert result.exit_code == 0
    assert sent[1].headers["if-match"] == '"4"'
    assert "id" not in json.loads(sent[1].content)


def test_what_was_retired_is_defined_again(run: Run, file: Path) -> None:
    script: ANSWERS = [("GET", 200, OWN | {"state": "retired"}), ("POST", 202, OWN)]
    assert run(script, "define", str(file))[0].exit_code == 0


def test_waiting_ends_when_it_is_in_force_or_cannot_be(
    run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tandem.commands.kpi_definitions._ASK_SECONDS", 0)
    being_made = OWN | {"state": "backfilling", "progress": {"percent": 40.0, "events": 7}}
    begun: ANSWERS = [("GET", 404, NOT_FOUND), ("POST", 202, OWN | {"state": "waiting"})]
    done, _ = run(
        [*begun, ("GET", 200, being_made), ("GET", 200, OWN)], "define", str(file), "--wait"
    )
    assert done.exit_code == 0
    failed = OWN | {"state": "failed", "reason": "a fault of ours"}
    broken, _ = run([*begun, ("GET", 200, failed)], "define", str(file), "--wait")
    assert broken.exit_code == 1
    assert "a fault of ours" in broken.output


def test_refusals_name_the_field(run: Run) -> None:
    problem = {
        "detail": "there is no such kind of moments",
        "errors": [{"field": "value.0.count", "reason": "there is no such kind of moments"}],
        "hint": "near to it: deal.won",
    }
    script: ANSWERS = [("GET", 404, NOT_FOUND), ("POST", 422, problem)]
    result, _ = run(script, "define", "-", text='{"id": "mine"}')
    assert result.exit_code == 1
    assert "value.0.count" in result.output
    assert "near to it: deal.won" in result.output


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "unit: count"])
def test_a_file_that_is_no_definition_is_not_sent(run: Run, text: str) -> None:
    result, _ = run([], "define", "-", text=text)
    assert result.exit_code == 2


def test_whatever_is_no_command_is_a_kpi(run: Run) -> None:
    result, _ = run([], "win_rate", "--help")
    assert result.exit_code == 0
    assert "--period" in result.output
