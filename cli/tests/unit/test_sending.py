"""A run may be cut anywhere and begun again; rows that only have to wait are sent again."""

from typing import Any

import pytest

from tandem.client import GatewayRefused, GatewayUnreachable
from tandem.importing.patience import PatientGateway
from tandem.importing.rows import Prepared
from tandem.importing.sender import BATCH_ROWS, Sender

Answer = Exception | dict[int, dict[str, Any]]


class ScriptedGateway:
    """Answers each request by the next entry of a script: an error, or results of single rows."""

    def __init__(self, *script: Answer) -> None:
        self.script = list(script)
        self.sent: list[list[dict[str, Any]]] = []

    def get(self, path: str, params: Any = None) -> Any:
        raise AssertionError("rows are sent without asking")

    def post(self, path: str, body: Any, *, content_type: str = "") -> Any:
        assert path == "/v1/deals/import"
        self.sent.append(body["rows"])
        step: Answer = self.script.pop(0) if self.script else {}
        if isinstance(step, Exception):
            raise step
        made = {"status": "created", "id": "id"}
        return {"results": [step.get(index, made) for index in range(len(body["rows"]))]}


class Silent:
    """Shows nothing, and remembers what a run waited for."""

    def __init__(self) -> None:
        self.waited: list[str] = []

    def step_begun(self, collection: str, rows: int) -> None: ...

    def rows_done(self, rows: int) -> None: ...

    def waiting(self, reason: str) -> None:
        self.waited.append(reason)


def rows(count: int) -> list[Prepared]:
    return [
        Prepared("f.csv", number + 2, {"external_ref": f"r{number}"}) for number in range(count)
    ]


def sender(gateway: ScriptedGateway, *, dry: bool = False) -> Sender:
    """A sender whose clock moves by what it sleeps."""
    slept = [0.0]

    def sleep(seconds: float) -> None:
        slept[0] += seconds

    return Sender(PatientGateway(gateway, Silent(), sleep, clock=lambda: slept[0]), dry=dry)


def test_rows_go_in_batches_of_the_gateways_limit() -> None:
    gateway = ScriptedGateway()
    tally = sender(gateway).send("deals", rows(BATCH_ROWS + 1), [])
    assert [len(batch) for batch in gateway.sent] == [BATCH_ROWS, 1]
    assert tally.created == BATCH_ROWS + 1


def test_a_batch_is_sent_again_while_the_gateway_is_away() -> None:
    gateway = ScriptedGateway(GatewayUnreachable("away"), GatewayRefused(503, {}))
    assert sender(gateway).send("deals", rows(1), []).created == 1
    assert len(gateway.sent) == 3


def test_a_run_does_not_wait_for_ever() -> None:
    gateway = ScriptedGateway(*[GatewayUnreachable("away")] * 1000)
    with pytest.raises(GatewayUnreachable):
        sender(gateway).send("deals", rows(1), [])


def test_a_refused_request_is_not_repeated() -> None:
    gateway = ScriptedGateway(GatewayRefused(403, {"detail": "no"}))
    with pytest.raises(GatewayRefused):
        sender(gateway).send("deals", rows(1), [])
    assert len(gateway.sent) == 1


def test_only_rows_that_wait_for_another_are_sent_again() -> None:
    waiting = {"status": "rejected", "id": None, "problem": {"retryable": True}}
    gateway = ScriptedGateway({1: waiting})
    tally = sender(gateway).send("deals", rows(3), [])
    assert [[row["external_ref"] for row in batch] for batch in gateway.sent] == [
        ["r0", "r1", "r2"],
        ["r1"],
    ]
    assert (tally.created, tally.refusals) == (3, [])


def test_a_refused_row_names_file_line_field_reason_and_mend() -> None:
    problem = {
        "detail": "bad",
        "hint": "mend it",
        "errors": [{"field": "amount", "reason": "is negative"}],
    }
    gateway = ScriptedGateway({0: {"status": "rejected", "id": None, "problem": problem}})
    tally = sender(gateway).send("deals", rows(2), [])
    (refusal,) = tally.refusals
    assert (refusal.file, refusal.line, refusal.field, refusal.reason, refusal.mend) == (
        "f.csv", 2, "amount", "is negative", "mend it",
    )  # fmt: skip
    assert tally.created == 1


def test_a_dry_run_forgives_pointing_at_rows_that_it_would_have_made() -> None:
    def problem(field: str) -> dict[str, Any]:
        return {
            "status": "rejected",
            "id": None,
            "problem": {"errors": [{"field": field, "reason": "unknown"}]},
        }

    gateway = ScriptedGateway({0: problem("owner_ref"), 1: problem("product")})
    dry = sender(gateway, dry=True)
    dry.ids["people"] = {"Ann": "id"}
    tally = dry.send("deals", rows(2), [])
    assert (tally.created, [refusal.field for refusal in tally.refusals]) == (1, ["product"])
