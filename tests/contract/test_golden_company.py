"""A company's quarter as version 0.1.0 wrote it still adds up to the same figures.

`golden/company.log` is never edited; `golden/company.kpis.json` was worked out by the
independent oracle of the metrics tests when the log was made. Definitions may gain KPIs;
one that changes what these values say is a new definition, and says so there.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any, Final

import pytest
from memory_shelf import folded, sums_from_cells

from events import Event
from events.cloudevents import from_record
from events.schemas.golden import GOLDEN_FOLDER, read_text
from events.schemas.sealed import read_sealed
from metrics.engine.calendar import Grain
from metrics.engine.company import Company, micros_of
from metrics.engine.reading import rows_of
from metrics.engine.sums import Known
from metrics.kpis import CATALOGUE
from metrics.query.question import Asked, read_question

EXPECTED: Final = json.loads((GOLDEN_FOLDER / "company.kpis.json").read_bytes())
COMPANY: Final = Company(time_zone=EXPECTED["time_zone"], base_currency=EXPECTED["base_currency"])
ASKED_AT: Final = datetime.fromisoformat(EXPECTED["asked_at"]).astimezone(UTC)


@pytest.fixture(scope="module")
def history() -> list[Event]:
    text = read_sealed(GOLDEN_FOLDER)["company.log"].decode()
    return [from_record(record) for record in read_text(text)]


def figures(events: list[Event], kpi_id: str) -> dict[str, Any]:
    """Values by period, and by period and channel."""
    shelf = folded([events], COMPANY)
    known = Known(COMPANY, micros_of(ASKED_AT), complete=True)
    kpi = CATALOGUE[kpi_id]
    found = {}
    for grain in (Grain.MONTH, Grain.QUARTER):
        for by in ([], ["channel"]):
            if grain not in kpi.grains or not set(by) <= set(kpi.dimensions):
                continue
            asked = Asked(grain=grain, start=date(2026, 1, 1), end=date(2026, 4, 1), by=by)
            question = read_question(
                kpi_id, asked, catalogue=CATALOGUE, company=COMPANY, today=known.day or 0
            )
            sums = sums_from_cells(shelf.cells, question, known)
            for row in rows_of(kpi, sums, by=question.by, filtered={}, known=known):
                found["/".join([row.period.label, *row.members])] = row.value
    return found


@pytest.mark.parametrize("kpi_id", EXPECTED["values"])
def test_the_figures_are_those_of_the_day(history: list[Event], kpi_id: str) -> None:
    assert figures(history, kpi_id) == EXPECTED["values"][kpi_id]


def test_the_history_has_events_of_many_kinds_in_both_modes(history: list[Event]) -> None:
    text = read_sealed(GOLDEN_FOLDER)["company.log"].decode()

    assert len({event.type for event in history}) >= 24
    assert "application/cloudevents+json" in text
    assert "ce_specversion: 1.0" in text
