"""Values of KPIs read as a person would want them: each amount in its own currency's digits."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from tandem.commands.kpi import _values, figure


@pytest.mark.parametrize(
    ("unit", "currency", "value", "text"),
    [
        ("money", "USD", 123_456, "1,234.56 USD"),
        ("money", "JPY", 123_456, "123,456 JPY"),
        ("money", "KRW", -5, "-5 KRW"),
        ("money", "KWD", 123_456, "123.456 KWD"),
        ("money", "ISK", 7, "7 ISK"),
        ("money", "USD", None, "-"),
        ("ratio", None, 0.25, "25.00 %"),
        ("hours", None, 1.5, "1.5 h"),
    ],
)
def test_a_value_has_the_digits_of_its_currency_or_unit(
    unit: str, currency: str | None, value: Any, text: str
) -> None:
    assert figure({"unit": unit, "currency": currency}, value) == text


def row(currency: str, value: int) -> dict[str, Any]:
    return {
        "dimensions": {"currency": currency},
        "value": value,
        "n": 1,
        "interval": None,
        "reason": None,
        "against_target": None,
    }


def test_a_value_stands_beside_its_target() -> None:
    reached = {"target": 20_000, "attainment": 0.25, "pace": 0.5, "run_rate": 10_000}
    none = dict.fromkeys(reached)
    answer = {
        "kpi": "revenue_net",
        "name": {"en": "Net revenue", "zh": "销售额"},
        "unit": "money",
        "currency": "USD",
        "by": [],
        "labels": {},
        "periods": [
            {"period": f"2026-{month}", "compared_from_on": None, "rows": [
                {**row("USD", 5_000), "dimensions": {}, "against_target": against}
            ]}
            for month, against in (("10", reached), ("11", none))
        ],
    }  # fmt: skip
    console = Console(width=140, record=True)
    _values(console, answer, "en")
    october, november = [line for line in console.export_text().splitlines() if "2026-1" in line]
    for text in ("50.00 USD", "200.00 USD", "25.0%", "50.0%", "100.00 USD"):
        assert text in october
    assert november.count(" - ") == 4


def test_as_booked_each_row_is_told_in_its_own_currency() -> None:
    answer = {
        "kpi": "revenue_net",
        "name": {"en": "Net revenue", "zh": "销售额"},
        "unit": "money",
        "currency": None,
        "by": ["currency"],
        "labels": {},
        "watermark": "2026-11-20T08:00:05Z",
        "periods": [
            {
                "period": "2026-10",
                "compared_from_on": None,
                "rows": [row("JPY", 5_000), row("KWD", 5_000), row("USD", 5_000)],
            }
        ],
    }
    console = Console(width=120, record=True)
    _values(console, answer, "en")
    told = console.export_text()
    for amount in ("5,000 JPY", "5.000 KWD", "50.00 USD"):
        assert amount in told
