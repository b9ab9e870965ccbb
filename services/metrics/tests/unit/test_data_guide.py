"""The guide tells what the declarations say, in both languages, for every KPI."""

from __future__ import annotations

import pytest

from metrics.data_guide.__main__ import PAGES, current, ready_mappings, stale
from metrics.data_guide.page import Language, short_name
from metrics.kpis import CATALOGUE
from metrics.query.coverage import needed_events


def test_the_guide_is_up_to_date() -> None:
    assert stale() == [], "run `python -m metrics.data_guide write`"


@pytest.mark.parametrize("language", list(PAGES))
def test_every_kpi_stands_there_with_its_name_and_all_its_events(language: Language) -> None:
    rows = {
        line.split("`")[1]: line
        for line in current(language).splitlines()
        if line.startswith("| `")
    }
    for kpi in CATALOGUE:
        assert kpi.name[language] in rows[kpi.id]
        for of in needed_events(kpi):
            assert f"`{short_name(of)}`" in rows[kpi.id]
            assert kpi.id in rows[short_name(of)]


def test_there_is_a_ready_mapping_for_whatever_a_kpi_needs() -> None:
    needed = {short_name(of) for kpi in CATALOGUE for of in needed_events(kpi)}
    assert needed - set(ready_mappings()) == set()
