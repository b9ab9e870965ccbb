"""The catalogue page tells what the declarations say, in both languages, for every KPI."""

from __future__ import annotations

import pytest

from metrics.catalogue_page.__main__ import PAGES, current, stale
from metrics.catalogue_page.page import null_reasons
from metrics.data_guide.page import Language
from metrics.kpis import CATALOGUE


def test_the_page_is_up_to_date() -> None:
    assert stale() == [], "run `python -m metrics.catalogue_page write`"


@pytest.mark.parametrize("language", list(PAGES))
def test_every_kpi_stands_there_with_all_that_it_says(language: Language) -> None:
    sections = current(language).split("\n## ")[1:]
    assert len(sections) == len(list(CATALOGUE))
    for kpi, section in zip(CATALOGUE, sections, strict=True):
        assert f"`{kpi.id}`" in section
        assert kpi.formula[language] in section
        assert all(dimension in section for dimension in kpi.dimensions)


def test_reasons_of_null_follow_from_the_class() -> None:
    reasons = {kpi.id: null_reasons(kpi) for kpi in CATALOGUE}
    assert reasons["revenue_attainment"] == ["no_target", "no_denominator"]
    assert reasons["market_share"] == ["no_denominator"]
    assert reasons["lead_conversion"] == ["immature", "not_covered", "incomplete", "no_denominator"]
    assert reasons["repeat_purchase_rate"] == ["immature", "no_denominator"]
    assert reasons["stickiness"] == ["incomplete", "no_denominator"]
    assert reasons["nps"] == ["no_denominator", "below_floor"]
    assert reasons["sales_cycle_days"] == ["below_floor"]
    assert reasons["pipeline_open"] == ["incomplete"]
