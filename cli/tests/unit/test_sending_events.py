"""Events go in batches that may come again; the gateway says when, and what became of each."""

from __future__ import annotations

from typing import Any

import pytest

from tandem.client import GatewayRefused, GatewayUnreachable
from tandem.importing.event_sender import BATCH_EVENTS, EventSender
from tandem.importing.patience import PatientGateway
from tandem.importing.rows import Prepared

LIMITS = {
    "request_bytes": 1_048_576,
    "events_per_request": 500,
    "event_bytes": 262_144,
    "levels": 32,
    "extensions": 32,
    "not_before": "2023-01-01T00:00:00Z",
    "not_after": "2027-01-01T00:00:00Z",
}
ACCEPTED = {"status": "accepted", "sequence": 1}


class ScriptedGateway:
    """Answers each request by the next entry of a script: an error, or results of single events."""

    def __init__(self, *script: Exception | dict[int, Any], **limits: int) -> None:
        self.script = list(script)
        self.sent: list[list[Any]] = []
        self.limits = LIMITS | limits

    def get(self, path: str, params: Any = None) -> Any:
        assert path == "/v1/events/limits"
        return self.limits

    def post(self, path: str, body: Any, *, content_type: str = "") -> Any:
        assert (path, content_type) == ("/v1/events", "application/cloudevents-batch+json")
        self.sent.append(body)
        step: Any = self.script.pop(0) if self.script else {}
        if isinstance(step, Exception):
            raise step
        return {"results": [step.get(index, ACCEPTED) for index in range(len(body))]}


class Silent:
    def step_begun(self, collection: str, rows: int) -> None: ...

    def rows_done(self, rows: int) -> None: ...

    def waiting(self, reason: str) -> None: ...


def sender(gateway: ScriptedGateway, *, dry: bool = False) -> tuple[EventSender, list[float]]:
    """A sender, and how long it slept."""
    slept: list[float] = []
    patient = PatientGateway(gateway, Silent(), slept.append, clock=lambda: sum(slept))
    return EventSender(patient, dry=dry), slept


def events(count: int) -> list[Prepared]:
    return [Prepared("f.csv", number + 2, {"id": f"e{number}"}) for number in range(count)]


def test_events_go_a_hundred_at_once_in_their_order() -> None:
    gateway = ScriptedGateway()
    tally = sender(gateway)[0].send("order.paid", events(BATCH_EVENTS + 1), [])
    assert [len(batch) for batch in gateway.sent] == [BATCH_EVENTS, 1]
    assert [one["id"] for batch in gateway.sent for one in batch] == [
        f"e{number}" for number in range(BATCH_EVENTS + 1)
    ]
    assert tally.created == BATCH_EVENTS + 1


def test_a_batch_is_no_larger_than_the_gateway_takes() -> None:
    gateway = ScriptedGateway(request_bytes=40)
    sender(gateway)[0].send("order.paid", events(5), [])
    assert [len(batch) for batch in gateway.sent] == [2, 2, 1]


def test_it_comes_again_when_the_gateway_says() -> None:
    gateway = ScriptedGateway(
        GatewayRefused(429, {}, retry_after_seconds=7),
        GatewayRefused(503, {}, retry_after_seconds=30),
        GatewayUnreachable("away"),
    )
    sending, slept = sender(gateway)
    assert sending.send("order.paid", events(1), []).created == 1
    assert slept[:2] == [7, 30]
    assert len(gateway.sent) == 4


def test_each_event_is_counted_by_what_became_of_it() -> None:
    conflict = {"status": "conflict", "problem": {"detail": "other content", "hint": "a new id"}}
    gateway = ScriptedGateway(
        {1: ACCEPTED | {"replaces": "x"}, 2: {"status": "duplicate"}, 3: conflict}
    )
    tally = sender(gateway)[0].send("order.paid", events(4), [])
    assert (tally.created, tally.updated, tally.unchanged) == (1, 1, 1)
    (refusal,) = tally.refusals
    assert (refusal.line, refusal.reason, refusal.mend) == (5, "other content", "a new id")


def test_a_token_that_may_not_speak_for_the_source_ends_the_run_at_once() -> None:
    foreign = {"detail": "not yours", "errors": [{"field": "source", "reason": "not yours"}]}
    gateway = ScriptedGateway({0: {"status": "rejected", "problem": foreign}})
    with pytest.raises(GatewayRefused, match="not yours"):
        sender(gateway)[0].send("order.paid", events(BATCH_EVENTS * 2), [])
    assert len(gateway.sent) == 1


def test_a_dry_run_sends_nothing() -> None:
    gateway = ScriptedGateway()
    assert sender(gateway, dry=True)[0].send("order.paid", events(3), []).created == 3
    assert gateway.sent == []
