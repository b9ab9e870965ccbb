"""What the front door lets in, the figures can take: no event of a partner stops a partition.

A fold that raises on an accepted event would be tried again for ever; one whose
numbers no column holds would be parked with everything behind it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, Final

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_shelf import folded

from events import EVENT_TYPES, Event, EventData, SchemaViolation, strict_decoder
from events.schemas import schema_of
from events.types.partner import EventVoided
from metrics.engine.company import Company

SENT: Final = {name: cls for name, cls in EVENT_TYPES.items() if cls.from_partners}
CONTEXTS: Final = sorted({".".join(name.split(".")[2:4]) for name in SENT})
COMPANY: Final = Company(time_zone="America/New_York", base_currency="USD")
NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
LARGEST: Final = 2**63 - 1

OCCURRED = st.integers(0, 230 * 365 * 24 * 60).map(
    lambda minutes: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
IDS = st.sampled_from(["a", "b", "/", "ä" * 128, "'; --"])
DAYS = st.dates(date(1899, 12, 30), date(2200, 1, 2)) | st.just(date(9999, 12, 31))
INSTANTS = st.builds(
    lambda day, minutes, offset: (
        f"{day.isoformat()}T{minutes // 60:02}:{minutes % 60:02}:59{offset}"
    ),
    DAYS,
    st.integers(0, 1439),
    st.sampled_from(["Z", "+14:00", "-12:00"]),
)


def values(node: dict[str, Any], root: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a JSON Schema of ours allows, the edges of it rather than the middle."""
    while "$ref" in node:
        node = root["$defs"][node["$ref"].rpartition("/")[2]]
    if "anyOf" in node:
        return st.one_of([values(part, root) for part in node["anyOf"]])
    if "enum" in node:
        return st.sampled_from(node["enum"])
    kind = node["type"]
    if kind == "object":
        parts = {name: values(part, root) for name, part in node["properties"].items()}
        needed = {name: parts.pop(name) for name in node.get("required", ())}
        return st.fixed_dictionaries(needed, optional=parts)
    if kind == "array":
        return st.lists(values(node["items"], root), max_size=3)
    if kind == "integer":
        least = node.get("minimum", node.get("exclusiveMinimum", -1) + 1)
        most = node["maximum"]
        return st.sampled_from([least, most]) | st.integers(least, most)
    return {"boolean": st.booleans(), "null": st.none()}.get(kind, _texts(node))


def _texts(node: dict[str, Any]) -> st.SearchStrategy[str]:
    match node.get("format"):
        case "date":
            return DAYS.map(date.isoformat)
        case "date-time":
            return INSTANTS
    if "pattern" in node:
        return st.from_regex(node["pattern"], fullmatch=True)
    return IDS.map(lambda text: text[: node["maxLength"]])


@cache
def sent(cls: type[EventData]) -> st.SearchStrategy[Any]:
    schema = schema_of(cls)
    return values(schema, schema)


def accepted(cls: type[EventData], data: Any) -> EventData | None:
    try:
        found: EventData = strict_decoder(cls).decode(msgspec.json.encode(data))
    except SchemaViolation:
        return None  # a year out of range: the schema cannot say so
    return found


@pytest.mark.parametrize("context", CONTEXTS)
@settings(deadline=None, max_examples=10, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_is_accepted_can_be_folded(context: str, data: st.DataObject) -> None:
    kinds = [cls for name, cls in SENT.items() if f".{context}." in name and cls is not EventVoided]
    events: list[Event] = []
    for _ in range(data.draw(st.integers(1, 4)) if kinds else 0):
        cls = data.draw(st.sampled_from(kinds))
        payload = accepted(cls, data.draw(sent(cls)))
        if payload is None:
            continue
        occurred = data.draw(OCCURRED)
        number = sum(event.subject == payload.subject for event in events) + 1
        events.append(
            Event.of(
                payload,
                id=f"e{len(events)}",
                source="/partners/a",
                sequence=number,
                occurred_at=occurred,
                recorded_at=NOON + timedelta(seconds=len(events)),
            )
        )

    shelf = folded([events[:1], events[1:]], COMPANY)
    assert all(abs(amount) <= LARGEST for cell in shelf.cells.values() for amount in cell)
