"""What is told of the data reads as a person would want it, in both languages."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from tandem.commands.quality import _print_coverage, _print_quality

ARRIVED = {
    "source": "/partners/shop",
    "events": 1200,
    "first_on": "2026-01-02",
    "last_on": "2026-11-20",
    "last_recorded_at": "2026-11-20T08:00:05Z",
}
COVERAGE = {
    "kpi": "revenue_net",
    "name": {"en": "Net revenue", "zh": "销售额"},
    "coverage_from": "2026-01-02",
    "missing": ["com.tandem.pipeline.deal.won.v1"],
    "events": [
        {"type": "com.tandem.partner.order.paid.v1", "sources": [ARRIVED]},
        {"type": "com.tandem.pipeline.deal.won.v1", "sources": []},
    ],
}
QUALITY: dict[str, Any] = {
    "period": "2026-10",
    "currency": "USD",
    "complete": False,
    "watermark": "2026-11-20T08:00:05Z",
    "problems": [{"kind": "deal", "problem": "closed_before_created", "facts": 3}],
    "held_back": [],
    "stopped": [],
    "sources": [ARRIVED],
    "coverage": [{"kpi": "nps", "coverage_from": None, "missing": ["a.b.c.survey.responded.v1"]}],
    "unknown": [
        {"kpi": "revenue_net", "dimension": f"d{number}", "share": 0.25} for number in range(20)
    ],
    "restatements": [
        {
            "kpi": "revenue_net",
            "unit": "money",
            "value_then": 90000.0,
            "value_now": 100000.0,
            "share": 0.1,
        },
        {"kpi": "win_rate", "unit": "ratio", "value_then": 0.5, "value_now": 0.5, "share": 0.0},
        {"kpi": "nps", "unit": "points", "value_then": None, "value_now": 40.0, "share": None},
    ],
}


def printed(show: Any, answer: Any, lang: str) -> str:
    console = Console(width=120, record=True, markup=False, highlight=False)
    show(console, answer, lang)
    return console.export_text()


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ["Net revenue (revenue_net)", "1,200", "nothing has arrived", "from: 2026-01-02"]),
        ("zh", ["销售额 (revenue_net)", "1,200", "尚未到达", "可读起始日: 2026-01-02"]),
    ],
)
def test_coverage_names_what_came_and_what_did_not(lang: str, words: list[str]) -> None:
    text = printed(_print_coverage, COVERAGE, lang)
    for word in words:
        assert word in text


def test_a_kpi_that_nothing_came_for_cannot_be_read_yet() -> None:
    assert "cannot be read yet" in printed(
        _print_coverage, COVERAGE | {"coverage_from": None}, "en"
    )


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        (
            "en",
            [
                "NOT complete",
                "1,000.00 USD",
                "closed_before_created",
                "10.0 %",
                "survey.responded",
                "5 more",
            ],
        ),
        ("zh", ["不完整", "closed_before_created", "10.0 %", "survey.responded", "5 条未显示"]),
    ],
)
def test_quality_shows_only_what_there_is(lang: str, words: list[str]) -> None:
    text = printed(_print_quality, QUALITY, lang)
    for word in words:
        assert word in text
    assert "win_rate" not in text
    assert "partition" not in text
    assert "分区" not in text


def test_restatements_that_were_not_read_are_no_silence() -> None:
    assert "--kpi" in printed(_print_quality, QUALITY | {"restatements": None}, "en")
