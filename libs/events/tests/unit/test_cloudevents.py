"""CloudEvents on the log: what is written comes back, legal modes are read, the rest refused."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from events import (
    Event,
    EventData,
    Money,
    SchemaViolation,
    Undecodable,
    UnknownData,
    encode_data,
)
from events.cloudevents import EventReader, from_record, to_record, write_structured
from events.consumer.store import StoredRecord
from events.types.partner import OrderPaid

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
text = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=60)


def order(subject: str = "o-1", **fields: Any) -> Event:
    given_fields: dict[str, Any] = {"sequence": 3, "occurred_at": NOW, "recorded_at": NOW} | fields
    return Event.of(
        OrderPaid(order_id=subject, amount=Money(amount_minor=5, currency="USD")),
        source="/partners/x",
        **given_fields,
    )


ORDER = order()


def stored(
    headers: list[tuple[str, bytes | None]], value: bytes | None, key: bytes = b"k"
) -> StoredRecord:
    return StoredRecord("partner", 0, 7, key, value, headers, 1_750_000_000_000)


def binary(event: Event, **changed: bytes | None) -> StoredRecord:
    """In binary mode, as Debezium and older versions of ours write."""
    headers: dict[str, bytes | None] = {
        "ce_specversion": b"1.0",
        "ce_id": event.id.encode(),
        "ce_source": event.source.encode(),
        "ce_type": event.type.encode(),
        "ce_subject": event.subject.encode(),
        "ce_time": event.time.isoformat().encode(),
        "ce_sequence": f"{event.sequence:012d}".encode(),
        "ce_recordedtime": event.recordedtime.isoformat().encode(),
        "content-type": b"application/json",
    }
    headers |= {f"ce_{name}": value for name, value in changed.items()}
    return stored([(n, v) for n, v in headers.items() if v is not None], encode_data(event.data))


def structured(event: Event, **changed: object) -> StoredRecord:
    """As we write it, with some members changed, or left out for None."""
    record = to_record(event)
    members = json.loads(record.value or b"") | changed
    value = json.dumps({name: value for name, value in members.items() if value is not None})
    return stored(record.headers, value.encode())


@given(text, st.integers(1, 2**63 - 1), st.datetimes(timezones=st.just(UTC)), text)
def test_an_event_comes_back_as_it_was_written(
    subject: str, sequence: int, at: datetime, note: str
) -> None:
    event = order(
        subject,
        sequence=sequence,
        occurred_at=at,
        extensions={"note": note},
        traceparent=TRACE,
    )
    record = to_record(event)

    assert record.key == subject.encode()
    assert from_record(stored(record.headers, record.value)) == event
    assert from_record(binary(event, note=note.encode(), traceparent=TRACE.encode())) == event


def test_the_sequence_sorts_as_text() -> None:
    written = [json.loads(write_structured(order(sequence=n)))["sequence"] for n in (2, 10)]

    assert written == sorted(written)


def test_an_extension_cannot_take_the_place_of_an_attribute() -> None:
    event = order(extensions={"type": "other", "data": "x", "sequence": "9"})

    assert from_record(stored(to_record(event).headers, write_structured(event))) == order(
        id=event.id
    )


def test_a_reader_decodes_only_what_it_knows_and_only_what_it_wants_of_it() -> None:
    class Paid(EventData, frozen=True, kw_only=True):
        wire_type = OrderPaid.wire_type
        order_id: str

    for record in (structured(order()), binary(order())):
        assert EventReader([Paid]).read(record).data == Paid(order_id="o-1")
        unknown = EventReader([]).read(record)
        assert isinstance(unknown.data, UnknownData)
        assert (unknown.type, unknown.subject) == (OrderPaid.wire_type, "o-1")


def test_a_structured_record_is_read_even_with_ce_headers_beside() -> None:
    event = order()
    headers: list[tuple[str, bytes | None]] = [
        ("content-type", b"application/cloudevents+json; charset=UTF-8"),
        ("ce_id", b"other"),
    ]

    assert from_record(stored(headers, write_structured(event))) == event


def test_structured_data_may_be_base64() -> None:
    event = order()
    document = json.loads(write_structured(event))
    document["data_base64"] = b64encode(json.dumps(document.pop("data")).encode()).decode()
    headers: list[tuple[str, bytes | None]] = [("content-type", b"application/cloudevents+json")]

    assert from_record(stored(headers, json.dumps(document).encode())) == event


def test_what_a_debezium_router_writes_is_read() -> None:
    """Its sequence is not padded, its time has an offset, and it knows no recordedtime."""
    event = from_record(
        binary(order(), sequence=b"3", time=b"2026-03-01T14:00:00.123456+02:00", recordedtime=None)
    )

    assert (event.sequence, event.time) == (3, NOW)
    assert event.recordedtime == datetime(2025, 6, 15, 15, 6, 40, tzinfo=UTC)


def test_an_unknown_type_keeps_its_bytes() -> None:
    event = from_record(binary(order(), type=b"com.tandem.partner.order.paid.v9"))

    assert event.data == UnknownData(
        raw=b'{"order_id":"o-1","amount":{"amount_minor":5,"currency":"USD"}}'
    )


def test_a_field_of_a_later_version_is_ignored() -> None:
    data = json.loads(encode_data(order().data)) | {"gift": True}

    assert from_record(structured(order(), data=data)).data == order().data
    headers = binary(order()).headers
    assert from_record(stored(headers, json.dumps(data).encode())).data == order().data


@pytest.mark.parametrize(
    ("changed", "fact"),
    [
        ({"specversion": b"0.3"}, "specversion is not 1.0"),
        ({"id": None}, "attribute id is missing"),
        ({"subject": b""}, "attribute subject is missing"),
        ({"source": b"a\x00b"}, "NUL"),
        ({"source": b"a" * 600}, "600 characters"),
        ({"source": b"\xff"}, "not valid UTF-8"),
        ({"sequence": None}, "attribute sequence is missing"),
        ({"sequence": b"0"}, "attribute sequence is '0'"),
        ({"sequence": b"-1"}, "attribute sequence is"),
        ({"sequence": b"9" * 30}, "attribute sequence is"),
        ({"sequence": "１".encode()}, "attribute sequence is"),
        ({"time": b"yesterday"}, "attribute time is no instant"),
        ({"time": b"2026-03-01T12:00:00"}, "attribute time is no instant"),
        ({"time": b"0001-01-01T00:00:00+14:00"}, "attribute time is no instant"),
        ({"time": b'2026-03-01T12:00:00Z"x'}, "attribute time is no instant"),
    ],
)
def test_an_envelope_that_is_none_is_refused(changed: dict[str, bytes | None], fact: str) -> None:
    with pytest.raises(Undecodable, match=fact):
        from_record(binary(order(), **changed))


@pytest.mark.parametrize(
    ("value", "fact"),
    [
        (None, "truncated"),
        (b"", "truncated"),
        (b"\xff\xff", "malformed|UTF-8"),
        (b'{"order_id":"\xff"}', "UTF-8"),
        (b"[" * 100_000, "too deeply|truncated|expected"),
        (b'{"order_id": 7}', "^order_id: Expected str, got int"),
        (
            b'{"order_id":"x","amount":{"amount_minor":1e400,"currency":"USD"}}',
            "^amount.amount_minor",
        ),
        (b'{"order_id":"x","amount":{"amount_minor":NaN,"currency":"USD"}}', "malformed"),
        (b'{"order_id":"x"}', "missing required field amount"),
    ],
)
def test_data_that_does_not_match_its_type_is_refused_with_the_envelope_at_hand(
    value: bytes | None, fact: str
) -> None:
    with pytest.raises(SchemaViolation, match=fact) as caught:
        from_record(stored(binary(order()).headers, value))

    assert caught.value.event is not None
    assert (caught.value.event.subject, caught.value.event.sequence) == ("o-1", 3)


@pytest.mark.parametrize(
    ("data", "fact"),
    [
        (None, "truncated"),
        ([], "expected object, got array"),
        ({"order_id": 7}, "^order_id: Expected str, got int"),
        ({"order_id": "x"}, "missing required field amount"),
    ],
)
def test_structured_data_that_does_not_match_its_type_is_refused_in_the_same_way(
    data: object, fact: str
) -> None:
    with pytest.raises(SchemaViolation, match=fact) as caught:
        from_record(structured(order(), data=data))

    assert caught.value.event is not None
    assert (caught.value.event.subject, caught.value.event.sequence) == ("o-1", 3)


@pytest.mark.parametrize(
    ("content_type", "value"),
    [
        (b"application/cloudevents-batch+json", b"[]"),
        (b"application/cloudevents+avro", b""),
        (b"application/cloudevents+json", b"[]"),
        (b"application/cloudevents+json", b"{"),
        (b"application/cloudevents+json", b'{"id": [1]}'),
        (b"application/cloudevents+json", b'{"data": 1, "data_base64": "MQ=="}'),
        (b"application/cloudevents+json", b'{"data_base64": "?"}'),
        (b"application/cloudevents+json", b""),
    ],
)
def test_structured_records_that_are_none_are_refused(content_type: bytes, value: bytes) -> None:
    with pytest.raises(Undecodable):
        from_record(stored([("content-type", content_type)], value))


@given(
    st.lists(st.tuples(st.sampled_from(["ce_id", "ce_type", "content-type", "x"]), st.binary())),
    st.binary(),
)
def test_no_bytes_at_all_can_raise_anything_else(
    headers: list[tuple[str, bytes]], value: bytes
) -> None:
    with pytest.raises((Undecodable, SchemaViolation)):
        from_record(stored(list(headers), value))


ODD: tuple[object, ...] = (
    1,
    True,
    "1",
    "01",
    "1_0",
    "+1",
    "a\x00",
    "é",
    "１",
    "9" * 30,
    "a" * 513,
    "",
    "1.0",
    [],
    {},
)
ODD_INSTANTS = ("2026-03-01T12:00:00+08:00", "2026-03-01T12:00:00", "0001-01-01T00:00:00+14:00")


@given(
    st.dictionaries(
        st.sampled_from(
            [
                *("id", "source", "subject", "sequence", "time", "recordedtime", "type"),
                *("specversion", "datacontenttype", "dataschema", "traceparent", "note", "data"),
            ]
        ),
        st.none() | st.sampled_from(ODD) | st.sampled_from(ODD_INSTANTS),
        max_size=3,
    )
)
@example({"type": "a\x00"})
def test_the_quick_way_of_reading_answers_as_the_careful_one(changed: dict[str, Any]) -> None:
    quick = structured(ORDER, **changed)
    careful = stored([*quick.headers, ("unrelated", b"")], quick.value)  # one more: not the usual

    assert read(quick) == read(careful)
    assert [read(record) for record in (quick, careful)] == [
        read_as_many(record) for record in (quick, careful)
    ]


def read_as_many(record: StoredRecord) -> Event | str:
    """What can be read of the one of several that are read together."""
    try:
        (_, found), known = EventReader().read_all([structured(ORDER), record])
    except (Undecodable, SchemaViolation) as error:
        return str(error)
    assert (found in known) == (type(found.data) is not UnknownData)
    return Event(**{name: getattr(found, name) for name in Event.__struct_fields__})


def read(record: StoredRecord) -> Event | str:
    try:
        return from_record(record)
    except (Undecodable, SchemaViolation) as error:
        return str(error)


def test_instants_are_kept_in_utc() -> None:
    local = NOW.astimezone(timezone(timedelta(hours=8)))

    assert order(occurred_at=local).time == NOW
    assert order(occurred_at=local).time.tzinfo is UTC


def test_what_cannot_be_sequenced_is_not_made() -> None:
    with pytest.raises(ValueError, match="sequence 0"):
        order(sequence=0)
    with pytest.raises(ValueError, match="offset"):
        order(occurred_at=datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test
