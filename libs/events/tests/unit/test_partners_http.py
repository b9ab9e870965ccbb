"""CloudEvents over HTTP: three modes, strict, one answer per event."""

from __future__ import annotations

import json
from typing import Any

import pytest

from events.partners import (
    Incoming,
    Rejected,
    Terms,
    TooManyEvents,
    UnreadableBody,
    UnsupportedContentType,
    read_http,
)

ORDER: dict[str, Any] = {"order_id": "o-1", "amount": {"amount_minor": 5, "currency": "USD"}}
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "/partners/x",
    "type": "com.tandem.partner.order.paid.v1",
    "time": "2026-03-01T12:00:00Z",
    "data": ORDER,
}
STRUCTURED = b"application/cloudevents+json"
BATCH = b"application/cloudevents-batch+json"


def read(content_type: bytes, body: object, *more: tuple[bytes, bytes]) -> list[Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_http([(b"Content-Type", content_type), *more], raw, terms=Terms(events=3))


def only(answers: list[Any], kind: type) -> Any:
    (answer,) = answers
    assert isinstance(answer, kind)
    return answer


def test_the_three_modes_say_the_same() -> None:
    headers = [
        (b"ce-" + name.encode(), value.encode()) for name, value in EVENT.items() if name != "data"
    ]
    structured = only(read(STRUCTURED + b"; charset=utf-8", EVENT), Incoming)
    binary = only(read(b"application/json", ORDER, *headers), Incoming)
    batch = read(BATCH, [EVENT, EVENT])

    assert structured == binary == batch[0] == batch[1]
    assert (structured.subject, structured.id) == ("o-1", "e-1")
    assert structured.digest == binary.digest


def test_binary_headers_are_percent_decoded() -> None:
    headers = [
        (b"ce-" + name.encode(), value.encode())
        for name, value in (EVENT | {"id": "%E2%82%AC%20x"}).items()
        if name != "data"
    ]

    assert only(read(b"application/json", ORDER, *headers), Incoming).id == "€ x"


def test_one_bad_event_of_a_batch_does_not_hold_up_the_others() -> None:
    good, bad, worse = read(BATCH, [EVENT, EVENT | {"id": ""}, 5])

    assert isinstance(good, Incoming)
    assert (bad.field, bad.source) == ("id", "/partners/x")
    assert isinstance(worse, Rejected)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"type": "com.tandem.kpi.kpi.changed.v1"}, "type"),
        ({"type": None}, "type"),
        ({"time": None}, "time"),
        ({"time": "0000-01-01T00:00:00Z"}, "time"),
        ({"time": "1066-10-14T09:00:00Z"}, "time"),
        ({"subject": "another"}, "subject"),
        ({"sequence": "1"}, "sequence"),
        ({"datacontenttype": "text/xml"}, "datacontenttype"),
        ({"note": "nul\x00"}, "note"),
        ({"data": None}, "data"),
        ({"data": ORDER | {"surprise": 1}}, "data"),
        ({"data": ORDER | {"order_id": "a\x00b"}}, "data.order_id"),
        (
            {"data": ORDER | {"amount": {"amount_minor": 5, "currency": "USD", "x": 1}}},
            "data.amount",
        ),
        (
            {"data": ORDER | {"amount": {"amount_minor": "5", "currency": "USD"}}},
            "data.amount.amount_minor",
        ),
        (
            {"data": ORDER | {"amount": {"amount_minor": 10**18, "currency": "USD"}}},
            "data.amount.amount_minor",
        ),
        (
            {"data": ORDER | {"lines": [{"product": "p", "quantity": 0, "amount_minor": 1}]}},
            "data.lines[0].quantity",
        ),
        (
            {
                "data": ORDER
                | {"amount": {"amount_minor": 1, "currency": "USD", "rate_on": "0001-01-01"}}
            },
            "data.amount.rate_on",
        ),
    ],
)
def test_what_is_wrong_is_named_by_field(changed: dict[str, Any], field: str) -> None:
    rejected = only(read(STRUCTURED, EVENT | changed), Rejected)

    assert rejected.field == field
    assert rejected.hint
    assert rejected.id == "e-1"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"1", b"[" * 50_000, b'{"id": {}}'])
def test_a_broken_structured_body_is_an_answer_and_no_crash(body: bytes) -> None:
    assert only(read(STRUCTURED, body), Rejected).reason


def test_a_batch_must_be_an_array_of_few_enough() -> None:
    with pytest.raises(UnreadableBody):
        read(BATCH, EVENT)
    with pytest.raises(TooManyEvents):
        read(BATCH, [EVENT] * 4)
    assert read(BATCH, []) == []


def test_a_body_that_is_no_cloudevent_is_unsupported() -> None:
    with pytest.raises(UnsupportedContentType, match="no CloudEvents mode"):
        read(b"application/json", ORDER)


def test_a_voided_event_brings_no_subject_of_its_own() -> None:
    void = EVENT | {
        "type": "com.tandem.partner.event.voided.v1",
        "data": {"event_id": "e-0", "reason": "test"},
    }

    assert only(read(STRUCTURED, void), Incoming).subject is None


def test_the_digest_tells_another_content_but_not_another_spelling() -> None:
    same = only(read(STRUCTURED, EVENT | {"time": "2026-03-01T13:00:00+01:00"}), Incoming)
    other = only(read(STRUCTURED, EVENT | {"data": ORDER | {"cost_minor": 1}}), Incoming)

    assert same.digest == only(read(STRUCTURED, EVENT), Incoming).digest
    assert other.digest != same.digest
