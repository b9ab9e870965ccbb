"""Every event type of the company, one class each."""

from __future__ import annotations

from typing import Final

from events.types import (
    campaign,
    customer,
    heartbeat,
    kpi,
    log,
    market,
    ops,
    partner,
    pipeline,
    process,
)
from events.types.base import UNKNOWN, Dimensions, EventData, Owner, Superseded

__all__ = ["EVENT_TYPES", "UNKNOWN", "Dimensions", "EventData", "Owner", "Superseded"]


_MODULES: Final = (
    *(customer, pipeline, ops, campaign, process, partner, market),
    *(kpi, log, heartbeat),
)


def _collect() -> dict[str, type[EventData]]:
    found: dict[str, type[EventData]] = {}
    for module in _MODULES:
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, EventData)
                and "wire_type" in vars(value)
            ):
                found[value.wire_type] = value
    return found


EVENT_TYPES: dict[str, type[EventData]] = _collect()
"""Wire type to class: the register that encoding, decoding and schemas are made from."""
