"""Older major versions come out of the log as the newest, whatever mode they came in.

No type has a second version yet, so the mechanism is shown on one of the test's own.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from events import Event, EventData, SchemaViolation
from events.cloudevents import EventReader, to_record
from events.consumer.store import StoredRecord
from events.event import DataDecoder
from events.types import EVENT_TYPES, Superseded
from events.upcasting import with_older

NAME = "com.tandem.partner.parcel.sent"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class _Parcel(EventData, frozen=True, kw_only=True, omit_defaults=True):
    topic = "partner"

    parcel_id: str

    @property
    def subject(self) -> str:
        return self.parcel_id


class ParcelSent(_Parcel, frozen=True, kw_only=True, omit_defaults=True):
    """Today's: grams, and every stop."""

    wire_type = f"{NAME}.v3"

    grams: int
    stops: list[str] = []


class ParcelSentV2(Superseded, _Parcel, frozen=True, kw_only=True, omit_defaults=True):
    """One stop, at most."""

    wire_type = f"{NAME}.v2"
    newer = ParcelSent

    grams: int
    stop: str | None = None

    def upcast(self) -> ParcelSent:
        stops = [] if self.stop is None else [self.stop]
        return ParcelSent(parcel_id=self.parcel_id, grams=self.grams, stops=stops)


class ParcelSentV1(Superseded, _Parcel, frozen=True, kw_only=True, omit_defaults=True):
    """Weighed in kilograms, as text."""

    wire_type = f"{NAME}.v1"
    newer = ParcelSentV2

    kilograms: str

    def upcast(self) -> ParcelSentV2:
        grams = round(float(self.kilograms) * 1000)
        return ParcelSentV2(parcel_id=self.parcel_id, grams=grams, stop="depot")


GOLDEN: list[tuple[EventData, dict[str, Any]]] = [
    (
        ParcelSentV1(parcel_id="p", kilograms="1.5"),
        {"parcel_id": "p", "grams": 1500, "stops": ["depot"]},
    ),
    (
        ParcelSentV2(parcel_id="p", grams=900, stop="hub"),
        {"parcel_id": "p", "grams": 900, "stops": ["hub"]},
    ),
    (ParcelSentV2(parcel_id="p", grams=900), {"parcel_id": "p", "grams": 900}),
    (ParcelSent(parcel_id="p", grams=7), {"parcel_id": "p", "grams": 7}),
]


VERSIONS = (ParcelSentV1, ParcelSentV2, ParcelSent)
read = EventReader(VERSIONS).read
decode_data = DataDecoder(VERSIONS).decode


def event_of(data: EventData, **more: Any) -> Event:
    return Event.of(
        data, source="/tandem/test", sequence=1, occurred_at=NOON, recorded_at=NOON, **more
    )


def stored(value: bytes | None, headers: list[tuple[str, bytes | None]]) -> StoredRecord:
    return StoredRecord("partner", 0, 0, b"p", value, headers, 0)


def in_every_mode(data: EventData) -> list[StoredRecord]:
    """As we write it; with an extension, which takes the careful way; and in binary mode."""
    plain, extended = to_record(event_of(data)), to_record(event_of(data, extensions={"lane": "7"}))
    members = json.loads(plain.value or b"")
    value = json.dumps(members.pop("data")).encode()
    return [
        stored(plain.value, plain.headers),
        stored(extended.value, extended.headers),
        stored(value, [(f"ce_{name}", text.encode()) for name, text in members.items()]),
    ]


@pytest.mark.parametrize(("given", "expected"), GOLDEN)
def test_every_version_is_read_as_the_newest(given: EventData, expected: dict[str, Any]) -> None:
    for record in in_every_mode(given):
        event = read(record)

        assert event.data == msgspec.convert(expected, type=ParcelSent)
        assert event.type == ParcelSent.wire_type, "what is written again says what it holds"
        assert event.subject == given.subject


def test_what_was_kept_of_an_old_event_is_read_as_the_newest() -> None:
    kept = decode_data(ParcelSentV1.wire_type, b'{"parcel_id": "p", "kilograms": "0.25"}')

    assert kept == ParcelSent(parcel_id="p", grams=250, stops=["depot"])


def test_a_record_that_cannot_be_taken_further_is_parked_and_not_tried_for_ever() -> None:
    heavy = ParcelSentV1(parcel_id="p", kilograms="heavy")
    for record in in_every_mode(heavy):
        with pytest.raises(
            SchemaViolation, match=r"v1 cannot be read as its next version: .*heavy"
        ):
            read(record)


def test_data_that_its_own_version_forbids_never_reaches_the_step() -> None:
    with pytest.raises(SchemaViolation, match="kilograms"):
        decode_data(ParcelSentV1.wire_type, json.dumps({"parcel_id": "p"}).encode())


def test_older_versions_are_read_with_the_newest_and_never_as_a_part_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class ParcelCounted(EventData, frozen=True, kw_only=True):
        wire_type = ParcelSent.wire_type
        parcel_id: str

    assert with_older([ParcelCounted]) == [ParcelCounted]
    for cls in VERSIONS:
        monkeypatch.setitem(EVENT_TYPES, cls.wire_type, cls)

    assert with_older([ParcelSent]) == [ParcelSent, ParcelSentV1, ParcelSentV2]
    with pytest.raises(ValueError, match="name ParcelSent itself"):
        EventReader([ParcelCounted])
