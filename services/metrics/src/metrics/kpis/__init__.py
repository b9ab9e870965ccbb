"""The company's KPIs, one file per area. To add one: docs/guides/add-a-kpi.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from metrics.engine.catalogue import Catalogue
from metrics.engine.kpi import Kpi
from metrics.kpis import (
    channels,
    costs,
    customers,
    feedback,
    leads,
    market,
    models,
    operations,
    pipeline,
    projects,
    sales,
    usage,
)
from metrics.kpis.diagnosis import DIAGNOSIS_INPUTS

__all__ = ["CATALOGUE"]

_AREAS: Final = (
    *(sales, pipeline, leads, customers, models, market),
    *(feedback, channels, usage, costs, operations, projects),
)


def _declared() -> Iterator[Kpi]:
    """What the files of the areas declare, in their order: nothing else lists a KPI."""
    for area in _AREAS:
        yield from (value for value in vars(area).values() if isinstance(value, Kpi))


CATALOGUE: Final = Catalogue(_declared(), inputs=DIAGNOSIS_INPUTS)
