"""What a hostile partner writes where JSON, Unicode and RFC 3339 leave room: refused by name."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from events.consumer.store import StoredRecord
from events.partners import Incoming, Rejected, Terms, read_http
from events.partners.kafka import read_record

TERMS = Terms()
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "/partners/x",
    "type": "com.tandem.partner.order.paid.v1",
    "time": "2026-03-01T12:00:00Z",
    "data": {"order_id": "o-1", "amount": {"amount_minor": 5, "currency": "USD"}},
}
TEXT = json.dumps(EVENT)
STRUCTURED = b"application/cloudevents+json"
BATCH = b"application/cloudevents-batch+json"


def over_http(text: bytes) -> Any:
    (alone,) = read_http([(b"content-type", STRUCTURED)], text, terms=TERMS)
    return alone


def in_a_batch(text: bytes) -> Any:
    """Behind a good event, which is taken whatever follows it."""
    body = b"[" + TEXT.encode() + b"," + text + b"]"
    first, second = read_http([(b"content-type", BATCH)], body, terms=TERMS)
    assert isinstance(first, Incoming)
    return second


def on_a_topic(text: bytes) -> Any:
    return read_record(record([("content-type", STRUCTURED)], text), terms=TERMS)


def record(headers: list[tuple[str, bytes | None]], value: bytes) -> StoredRecord:
    return StoredRecord("partner.x", 0, 0, key=None, value=value, headers=headers, timestamp=0)


def changed(**changes: Any) -> bytes:
    return json.dumps(EVENT | changes).encode()


WAYS = pytest.mark.parametrize("read", [over_http, in_a_batch, on_a_topic])


@WAYS
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"\xef\xbb\xbf" + TEXT.encode(), id="byte order mark"),
        pytest.param(TEXT.replace(": 5,", ": NaN,").encode(), id="NaN"),
        pytest.param(TEXT.replace(": 5,", ": -Infinity,").encode(), id="infinity"),
        pytest.param(TEXT.replace("e-1", r"\ud800").encode(), id="lone surrogate"),
        pytest.param(TEXT.replace("e-1", "\udc80").encode("utf-8", "surrogatepass"), id="CESU-8"),
        pytest.param(TEXT.replace("e-1", "é").encode("latin-1"), id="Latin-1"),
    ],
)
def test_what_is_no_json_says_where_it_ends_to_be(read: Any, text: bytes) -> None:
    refused = read(text)
    assert isinstance(refused, Rejected)
    assert refused.reason.startswith("the event is no JSON object: ")
    assert "UTF-8" in refused.hint


@pytest.mark.parametrize("read", [over_http, on_a_topic])
@pytest.mark.parametrize(
    "text", [gzip.compress(TEXT.encode()), TEXT.encode("utf-16"), TEXT.encode() * 2, b"", b"null"]
)
def test_what_is_no_event_at_all_is_refused(read: Any, text: bytes) -> None:
    assert isinstance(read(text), Rejected)


@WAYS
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": "a\x1b[2J"}, "id"),
        ({"id": "a\nb"}, "id"),
        ({"id": "a\x7f"}, "id"),
        ({"id": "a\x9bb"}, "id"),
        ({"id": "a\uffff"}, "id"),
        ({"id": "a\U0010ffff"}, "id"),
        ({"source": "/partners/x\t"}, "source"),
        ({"traceparent": "00-\r\n"}, "traceparent"),
        ({"campaign": "spring\x07"}, "campaign"),
        ({"data": EVENT["data"] | {"order_id": "o\x1b"}}, "subject"),
        ({"time": "2026-03-01T12:00:00"}, "time"),
        ({"time": "2026-03-01T12:00:00+24:00"}, "time"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "time"),
        ({"time": "9999-12-31T23:59:59-14:00"}, "time"),
        ({"time": "٢٠٢٦-03-01T12:00:00Z"}, "time"),
        ({"time": 1772366400}, "time"),
        ({"type": 5}, "type"),
        ({"specversion": 1.0}, "specversion"),
        ({"subject": True}, "subject"),
        ({"datacontenttype": ["application/json"]}, "datacontenttype"),
        ({"sequence": "7"}, "sequence"),
        ({"recordedtime": "2026-03-01T12:00:00Z"}, "recordedtime"),
    ],
    ids=ascii,
)
def test_what_cloudevents_forbids_is_refused_by_its_name(
    read: Any, changes: dict[str, Any], field: str
) -> None:
    refused = read(changed(**changes))
    assert isinstance(refused, Rejected)
    assert (refused.field, refused.id) == (field, (EVENT | changes)["id"])
    assert refused.hint


@WAYS
@pytest.mark.parametrize("number", [5, 5.5, True, {"a": 1}])
def test_an_id_that_is_no_text_is_refused_and_not_made_into_one(read: Any, number: Any) -> None:
    """5 and "5" would be two ids to the sender, and one to us."""
    refused = read(changed(id=number))
    assert isinstance(refused, Rejected)
    assert (refused.field, refused.reason, refused.hint) == (
        "id",
        "attribute id is no text",
        "write it in quotes",
    )
    assert (refused.id, refused.source, refused.type) == (None, EVENT["source"], EVENT["type"])


@WAYS
@pytest.mark.parametrize("time", ["2016-12-31T23:59:60Z", "2017-01-01T07:59:60.5+08:00"])
def test_a_leap_second_is_refused_by_what_it_is(read: Any, time: str) -> None:
    refused = read(changed(time=time))
    assert isinstance(refused, Rejected)
    assert (refused.field, refused.hint) == ("time", "send the second after it")
    assert "leap second" in refused.reason


@WAYS
@pytest.mark.parametrize(
    "number",
    [pytest.param("1" + "0" * 5_000, id="long"), "1e400", "5.0", "5e0", str(2**63), '"5"', "true"],
)
def test_a_number_that_is_no_whole_amount_is_refused_by_its_path(read: Any, number: str) -> None:
    refused = read(TEXT.replace(": 5,", f": {number},").encode())
    assert isinstance(refused, Rejected)
    assert refused.field == "data.amount.amount_minor"


@WAYS
def test_one_instant_in_all_zones_is_one_instant(read: Any) -> None:
    texts = ["2026-03-01T20:00:00+08:00", "2026-03-01t12:00:00z", "2026-03-01T12:00:00-00:00"]
    assert {read(changed(time=text)).time for text in texts} == {over_http(TEXT.encode()).time}


@WAYS
@pytest.mark.parametrize(
    "name", ["订单 1/2", "é%2F?#", "👩\u200d💻", "a\u202eb", "\ue000"], ids=ascii
)
def test_ids_in_all_scripts_are_kept(read: Any, name: str) -> None:
    assert read(changed(id=name)).id == name


@WAYS
@pytest.mark.parametrize(
    "first",
    [
        '"id": "e-0"',
        '"type": "com.tandem.partner.event.voided.v1"',
        '"data": {"order_id": "o-0"}',
        '"note": "x", "note": null',
    ],
)
def test_of_a_name_that_is_given_twice_the_last_counts(read: Any, first: str) -> None:
    assert read(f"{{{first}, {TEXT[1:]}".encode()) == over_http(TEXT.encode())


def test_no_attribute_takes_the_place_of_the_data() -> None:
    attributes = [(name, str(text)) for name, text in EVENT.items() if name != "data"]
    body = json.dumps(EVENT["data"]).encode()
    for name in ("data", "data_base64"):
        sent = [(attribute, text.encode()) for attribute, text in [*attributes, (name, "x")]]
        (over_the_wire,) = read_http(
            [
                (b"content-type", b"application/json"),
                *((f"ce-{attribute}".encode(), text) for attribute, text in sent),
            ],
            body,
            terms=TERMS,
        )
        on_the_log = read_record(
            record([(f"ce_{attribute}", text) for attribute, text in sent], body), terms=TERMS
        )
        for refused in (over_the_wire, on_the_log):
            assert isinstance(refused, Rejected)
            assert (refused.field, refused.id) == (name, "e-1")
