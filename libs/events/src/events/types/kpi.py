"""Events of the context `kpi`: what the metrics service says after each batch."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec

from events.types.base import Code, EventData, Instant


class ChangedKpi(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A KPI whose cells changed on the days from `first_on` to `last_on`, both included."""

    kpi: Code
    first_on: date
    last_on: date


class KpiChanged(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """One batch was folded: readers refresh what it names and note the watermark."""

    wire_type = "com.tandem.kpi.cells.changed.v1"
    topic = "kpi"

    writer: Code
    watermark: Instant | None
    changed: Annotated[list[ChangedKpi], msgspec.Meta(max_length=200)]

    @property
    def subject(self) -> str:
        return self.writer
