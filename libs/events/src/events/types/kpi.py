"""Events of the context `kpi`: what the metrics service says about its own figures."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec

from events.money import CurrencyCode
from events.types.base import Code, EventData, Id, Instant, Period


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
    beats: dict[Code, Instant] = {}
    """Heartbeats in the batch: the service, and when it wrote the newest."""

    @property
    def subject(self) -> str:
        return self.writer


class PeriodClosed(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """The figures of a period are published: `as_published` answers them as known at `known_at`."""

    wire_type = "com.tandem.kpi.period.closed.v1"
    topic = "kpi"

    period: Period
    known_at: Instant
    catalogue_version: Code
    closed_by: Id | None = None

    @property
    def subject(self) -> str:
        return self.period


class CataloguePublished(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """From now on KPIs mean what this version of the catalogue says."""

    wire_type = "com.tandem.kpi.catalogue.published.v1"
    topic = "kpi"

    catalogue_version: Code
    time_zone: Code
    base_currency: CurrencyCode
    fiscal_year_starts_in: Annotated[int, msgspec.Meta(ge=1, le=12, description="month")] = 1
    owner_map_version: Code | None = None

    @property
    def subject(self) -> str:
        return "catalogue"
