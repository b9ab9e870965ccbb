"""All modes of the HTTP binding: the specification's examples, its edges, and a second opinion."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from events.cloudevents.structured import read_structured
from events.errors import EventsError
from events.partners import Incoming, Rejected, Terms, UnsupportedContentType, read_http
from events.partners.quick import read_batch_quickly, read_quickly
from events.partners.reading import judge

TERMS = Terms()
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


def read(
    content_type: bytes | None, body: object, *more: tuple[bytes, bytes]
) -> list[Incoming | Rejected]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = [(b"Content-Type", content_type)] if content_type is not None else []
    return read_http([*headers, *more], raw, terms=TERMS)


def one(content_type: bytes | None, body: object, *more: tuple[bytes, bytes]) -> Any:
    (answer,) = read(content_type, body, *more)
    return answer


def ce(**changes: str | None) -> list[tuple[bytes, bytes]]:
    """EVENT's attributes as headers of the binary mode."""
    attributes = {n: v for n, v in EVENT.items() if n != "data"} | changes
    return [(f"ce-{n}".encode(), v.encode()) for n, v in attributes.items() if v is not None]


SPECIFIED: list[dict[str, Any]] = [
    # JSON Event Format 1.0.2, section 3.2: data as an object, as base64, none; and 4.2.
    {
        "specversion": "1.0",
        "type": "com.example.someevent",
        "source": "/mycontext",
        "subject": None,
        "id": "C234-1234-1234",
        "time": "2018-04-05T17:31:00Z",
        "comexampleextension1": "value",
        "comexampleothervalue": 5,
        "datacontenttype": "application/json",
        "data": {"appinfoA": "abc", "appinfoB": 123, "appinfoC": True},
    },
    {
        "specversion": "1.0",
        "type": "com.example.someevent",
        "source": "/mycontext",
        "id": "B234-1234-1234",
        "time": "2018-04-05T17:31:00Z",
        "comexampleextension1": "value",
        "comexampleothervalue": 5,
        "unsetextension": None,
        "datacontenttype": "application/vnd.apache.thrift.binary",
        "data_base64": "dGhlIHF1aWNr",
    },
    {
        "specversion": "1.0",
        "type": "com.example.someevent",
        "source": "/mycontext",
        "id": "A234-1234-1234",
    },
]


@pytest.mark.parametrize("example", SPECIFIED, ids=["object", "binary", "none"])
def test_the_specifications_examples_are_read_as_it_says(example: dict[str, Any]) -> None:
    attributes, data = read_structured(json.dumps(example).encode())
    expected = {
        name: str(value)
        for name, value in example.items()
        if not name.startswith("data") and value is not None
    }
    assert {n: v for n, v in attributes.items() if n != "datacontenttype"} == expected
    if "data" in example:
        assert data is not None
        assert json.loads(data) == example["data"]
    elif "data_base64" in example:
        assert data == b"the quick"
    else:
        assert data is None
    refused = one(STRUCTURED, example)
    assert isinstance(refused, Rejected)
    assert (refused.field, refused.id) == ("type", example["id"])


def test_a_batch_of_the_specifications_examples_is_answered_one_by_one() -> None:
    answers = read(BATCH, [*SPECIFIED, EVENT])
    assert [type(answer) for answer in answers] == [Rejected, Rejected, Rejected, Incoming]


@pytest.mark.parametrize(
    "content_type",
    [
        *(
            b"application/json",
            b"application/json; charset=utf-8",
            b"Application/JSON;charset=UTF-8",
        ),
        *(
            b"application/vnd.shop.order+json",
            b'application/json; charset="utf-8"; v=1',
            b"text/json",
        ),
    ],
)
def test_json_by_any_name_is_data(content_type: bytes) -> None:
    plain = one(STRUCTURED, EVENT)
    assert one(content_type, ORDER, *ce()).digest == plain.digest
    assert (
        one(STRUCTURED, EVENT | {"datacontenttype": content_type.decode()}).digest == plain.digest
    )
    encoded = b64encode(json.dumps(ORDER).encode()).decode()
    base64 = {n: v for n, v in EVENT.items() if n != "data"} | {"data_base64": encoded}
    assert (
        one(STRUCTURED, base64 | {"datacontenttype": content_type.decode()}).digest == plain.digest
    )


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (EVENT | {"datacontenttype": "text/xml", "data": "<order/>"}, "datacontenttype"),
        (EVENT | {"datacontenttype": "application/json; charset=utf-16"}, "datacontenttype"),
        ({n: v for n, v in EVENT.items() if n != "data"} | {"data_base64": "%%"}, "data_base64"),
        ({n: v for n, v in EVENT.items() if n != "data"} | {"data_base64": "/w=="}, "data"),
        (EVENT | {"data_base64": "e30="}, "data_base64"),
        ({n: v for n, v in EVENT.items() if n != "data"}, "data"),
        (EVENT | {"note": {"a": 1}}, "note"),
        (EVENT | {"a note": 1.5}, "a note"),
        (EVENT | {"a note": "x"}, "a note"),
        (EVENT | {"": "x"}, ""),
        (EVENT | {"Note": "x"}, "Note"),
        (EVENT | {"no_te": "x"}, "no_te"),
        (EVENT | {f"x{n}": "1" for n in range(33)}, ""),
    ],
)
def test_what_cannot_be_read_is_refused_by_field(event: dict[str, Any], field: str) -> None:
    refused = one(STRUCTURED, event)
    assert isinstance(refused, Rejected), refused
    assert (refused.field, refused.id) == (field, EVENT["id"])
    assert refused.reason
    assert refused.hint


def test_unknown_extensions_are_kept_as_text() -> None:
    kept = one(STRUCTURED, EVENT | {"campaign": "spring", "attempt": 3, "test": True, "no": None})
    assert kept.extensions == {"campaign": "spring", "attempt": "3", "test": "true"}
    assert one(b"application/json", ORDER, *ce(campaign="spring")).extensions == {
        "campaign": "spring"
    }


@pytest.mark.parametrize(
    ("value", "read_as"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),  # the binding's own example
        ('"a quoted \\"id\\""', 'a quoted "id"'),
        ("a%2525b", "a%25b"),  # decoded once
        ("  padded  ", "padded"),
        ("100%25", "100%"),
    ],
)
def test_header_values_are_decoded_as_the_binding_says(value: str, read_as: str) -> None:
    assert one(b"application/json", ORDER, *ce(id=value)).id == read_as


@pytest.mark.parametrize(
    "headers",
    [
        ce(id="%ff"),
        [*ce(), (b"ce-id", b"e-2")],
        [*ce(), (b"ce-datacontenttype", b"application/json")],
        [*ce(id=None), (b"ce-id", b"\xff\xfe")],
    ],
    ids=["not UTF-8", "twice", "a header of its own", "raw bytes"],
)
def test_headers_that_say_two_things_are_refused(headers: list[tuple[bytes, bytes]]) -> None:
    assert isinstance(one(b"application/json", ORDER, *headers), Rejected)


def test_the_trace_is_that_of_the_event_or_else_of_the_request() -> None:
    hop, first = (
        "00-" + "1" * 32 + "-" + "2" * 16 + "-01",
        "00-" + "3" * 32 + "-" + "4" * 16 + "-01",
    )
    header = (b"traceparent", hop.encode())
    assert one(b"application/json", ORDER, *ce(), header).traceparent == hop
    assert one(b"application/json", ORDER, *ce(traceparent=first), header).traceparent == first


@pytest.mark.parametrize(
    "content_type",
    [
        *(None, b"", b"text/plain", b"application/cloudevents", b"application/cloudevents+xml"),
        b"application/cloudevents+json; charset=utf-16",
    ],
)
def test_other_content_types_are_refused_as_a_whole(content_type: bytes | None) -> None:
    with pytest.raises(UnsupportedContentType):
        read(content_type, EVENT)


def test_an_item_that_no_parser_reads_costs_itself_alone() -> None:
    good = json.dumps(EVENT).encode()
    deep = b'{"data":' + b"[" * 3_000 + b"]" * 3_000 + b"}"
    body = b"[" + b",".join([good, b'{"id": nope}', b'"\xff"', deep, good]) + b"]"
    answers = read(BATCH, body)
    assert [type(answer) for answer in answers] == [
        *(Incoming, Rejected, Rejected, Rejected, Incoming)
    ]


def test_a_batch_is_read_at_once_only_within_all_limits() -> None:
    event = json.dumps(EVENT).encode()
    body = b"[" + b",".join([event] * 3) + b"]"
    assert read_batch_quickly(body, TERMS) == [read_quickly(event, TERMS)] * 3
    assert read_batch_quickly(body, replace(TERMS, events=2)) is None
    assert read_batch_quickly(body, replace(TERMS, event_bytes=len(event))) is None
    assert read_batch_quickly(body.replace(b"o-1", b"o-\\u0000"), TERMS) is None
    assert read(BATCH, body.replace(b'"1.0"', b'"0.3"', 1))[1:] == [read_quickly(event, TERMS)] * 2


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    changes=st.dictionaries(
        st.sampled_from([*EVENT, "subject", "datacontenttype", "traceparent", "x"]),
        json_values,
        max_size=3,
    ),
    data=st.dictionaries(
        st.sampled_from(["order_id", "amount", "customer_id", "lines", "dimensions", "z"]),
        json_values,
        max_size=2,
    ),
)
def test_the_quick_way_answers_as_the_careful_one(
    changes: dict[str, Any], data: dict[str, Any]
) -> None:
    text = json.dumps(EVENT | {"data": ORDER | data} | changes).encode()
    quick = read_quickly(text, TERMS)
    if quick is not None:
        attributes, raw = read_structured(text)
        assert judge(attributes, raw, terms=TERMS, content=text) == quick
    plain = json.dumps(EVENT).encode()
    batch = read_batch_quickly(b"[" + plain + b"," + text + b"]", TERMS)
    one_by_one = [read_quickly(plain, TERMS), quick]
    assert batch == (None if quick is None else one_by_one)


@given(
    body=st.binary(max_size=200),
    headers=st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=30)), max_size=4),
    content_type=st.sampled_from([STRUCTURED, BATCH, b"application/json", b"\xff"]),
)
def test_no_bytes_break_the_reader(
    body: bytes, headers: list[tuple[bytes, bytes]], content_type: bytes
) -> None:
    try:
        answers = read(content_type, body, (b"ce-id", b"x"), *headers)
    except EventsError:
        return  # the request as a whole is refused, by name
    assert all(isinstance(answer, Incoming | Rejected) for answer in answers)
