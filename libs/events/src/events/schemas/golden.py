"""Log records as text, to be kept, read and read again by every later version.

```
--- pipeline
key: d1
content-type: application/cloudevents+json

{"specversion":"1.0","id":"…","data":{"deal":{"deal_id":"d1"}}}
```
Headers stand in their order, one a line; the value is what follows the empty line,
byte for byte. Without an empty line the record has no value.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from events.cloudevents import from_record, to_record
from events.cloudevents.attributes import instant_text, sequence_text
from events.consumer.store import StoredRecord
from events.event import Event, encode_data
from events.log import NewRecord
from events.schemas.generate import EXAMPLES_FOLDER, PACKAGE_FOLDER
from events.schemas.layout import laid_out
from events.schemas.sealed import add_sealed
from events.types import EVENT_TYPES
from events.types.log import EventRejected, RecordParked

GOLDEN_FOLDER: Final = PACKAGE_FOLDER.parents[1] / "tests" / "contract" / "golden"
_START: Final = "--- "
_VOIDED: Final = "NW-100483"
"""The order that the example of event.voided takes back; a partner need not repeat it."""


def as_text(records: Iterable[NewRecord]) -> str:
    """The records as text. Keys, headers and values must be UTF-8 and the values on one line."""
    lines: list[str] = []
    for record in records:
        lines.append(f"{_START}{record.topic}")
        lines.append(f"key: {record.key.decode()}")
        lines += [f"{name}: {(text or b'').decode()}" for name, text in record.headers]
        if record.value is not None:
            lines += ["", record.value.decode()]
    return "\n".join(lines) + "\n"


def read_text(text: str) -> list[StoredRecord]:
    """The records of a text, in order, as a consumer gets them."""
    blocks = text.removeprefix(_START).removesuffix("\n").split(f"\n{_START}")
    return [_record(block, offset) for offset, block in enumerate(blocks)]


def _record(block: str, offset: int) -> StoredRecord:
    head, _, value = block.partition("\n\n")
    topic, key, *headers = head.split("\n")
    named = [(name, text) for name, _, text in (line.partition(": ") for line in headers)]
    return StoredRecord(
        topic=topic,
        partition=0,
        offset=offset,
        key=key.removeprefix("key: ").encode(),
        value=value.encode() if value else None,
        headers=[(name, text.encode()) for name, text in named],
        timestamp=0,
    )


def golden_records(wire_types: Collection[str]) -> list[NewRecord]:
    """The examples of some types as they stand on Kafka, the first of each type in both modes."""
    records: list[NewRecord] = []
    seen: set[str] = set()
    for path in sorted(EXAMPLES_FOLDER.rglob("*.json")):
        event = _on_the_log(path)
        if event.type in wire_types:
            topic = _topic_of(event, path)
            records.append(to_record(event, topic=topic))
            if event.type not in seen:
                records.append(_binary(event, topic))
            seen.add(event.type)
    return records


def _on_the_log(path: Path) -> Event:
    """The example with what the gateway adds to a partner's event."""
    example = msgspec.json.decode(path.read_bytes())
    data = msgspec.convert(example["data"], type=EVENT_TYPES[example["type"]])
    occurred_at = datetime.fromisoformat(example["time"])
    recorded_at = example.get("recordedtime")
    return Event.of(
        data,
        id=example["id"],
        source=example["source"],
        subject=example.get("subject", _VOIDED),
        sequence=int(example.get("sequence", "1")),
        occurred_at=occurred_at,
        recorded_at=datetime.fromisoformat(recorded_at) if recorded_at else occurred_at,
        traceparent=example.get("traceparent"),
    )


def _topic_of(event: Event, path: Path) -> str:
    if isinstance(event.data, RecordParked):
        return f"{event.data.record_topic}-dlq"
    if isinstance(event.data, EventRejected):
        return f"{event.data.record_topic}.rejects"
    return path.parent.name


def _binary(event: Event, topic: str) -> NewRecord:
    """The mode that others may write, and that we wrote at first."""
    told = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": instant_text(event.time),
        "sequence": sequence_text(event.sequence),
        "recordedtime": instant_text(event.recordedtime),
    }
    headers = {f"ce_{name}": text for name, text in told.items()}
    headers |= {"content-type": "application/json"}
    headers |= {"traceparent": event.traceparent} if event.traceparent else {}
    return NewRecord(
        topic=topic,
        key=event.subject.encode(),
        value=encode_data(event.data),
        headers=[(name, text.encode()) for name, text in headers.items()],
    )


def add_golden(version: str, wire_types: Collection[str], folder: Path = GOLDEN_FOLDER) -> None:
    """Keep the golden records of a release, and what they are read as today."""
    text = as_text(golden_records(wire_types))
    add_sealed(folder, f"{version}.log", text.encode())
    readings = [reading_of(from_record(record)) for record in read_text(text)]
    (folder / f"{version}.read.json").write_bytes(laid_out(readings))


def reading_of(event: Event) -> dict[str, Any]:
    """What a record was read as, in words that can be compared and reviewed."""
    return {
        "class": type(event.data).__name__,
        **{name: getattr(event, name) for name in ("type", "id", "source", "subject", "sequence")},
        "time": instant_text(event.time),
        "recordedtime": instant_text(event.recordedtime),
        "traceparent": event.traceparent,
        "data": msgspec.to_builtins(event.data),
    }
