"""An offline fold of the opportunities file, written without a line of the product's code.

It reads the CSV files as a person would with a pencil and says for every KPI,
day, dimension and value what numerator and denominator must be. Owners stand by
their outer name; the caller translates ids.
"""

import csv
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from pathlib import Path

TEAMS = {
    "Dustin Brinkmann": "central-1",
    "Melvin Marxen": "central-2",
    "Cara Losch": "east-1",
    "Rocco Neubert": "east-2",
    "Celia Rouche": "west-1",
    "Summer Sewald": "west-2",
}
UNKNOWN = "unknown"
Slice = tuple[str, str]
"""Dimension and value; the total is ("", "")."""


@dataclass(frozen=True)
class Opportunity:
    """One line of the file, read literally; days are None where the file has none."""

    number: str
    stage: str
    opened_on: date | None
    closed_on: date | None
    amount_minor: int
    slices: tuple[Slice, ...]


@dataclass
class Expected:
    """Additive parts by day and slice, as counted from the file."""

    won: Counter[tuple[date, Slice]] = field(default_factory=Counter)
    lost: Counter[tuple[date, Slice]] = field(default_factory=Counter)
    revenue_minor: Counter[tuple[date, Slice]] = field(default_factory=Counter)
    opened: Counter[tuple[date, Slice]] = field(default_factory=Counter)
    cycles: dict[Slice, list[int]] = field(default_factory=lambda: defaultdict(list))

    def total(self, part: str, cut: Slice, first: date, end: date) -> int:
        """Sum of a part over [first, end) for one slice."""
        counted: Counter[tuple[date, Slice]] = getattr(self, part)
        return sum(n for (day, where), n in counted.items() if where == cut and first <= day < end)

    def slices(self, dimension: str) -> set[str]:
        """Values of a dimension that any opportunity with a closing has."""
        return {value for (_, (name, value)) in (self.won | self.lost) if name == dimension}


def read(folder: Path) -> list[Opportunity]:
    """All opportunities with the slices that the mapping gives them."""
    people = {row["sales_agent"]: row for row in _rows(folder / "sales_teams.csv")}
    sectors = {row["account"]: row["sector"] for row in _rows(folder / "accounts.csv")}
    return [_opportunity(row, people, sectors) for row in _rows(folder / "sales_pipeline.csv")]


def expect(opportunities: list[Opportunity]) -> Expected:
    """Fold the opportunities that were acknowledged."""
    expected = Expected()
    for deal in opportunities:
        for cut in deal.slices:
            if deal.opened_on:
                expected.opened[deal.opened_on, cut] += 1
            if deal.closed_on is None:
                continue
            if deal.stage == "Won":
                expected.won[deal.closed_on, cut] += 1
                expected.revenue_minor[deal.closed_on, cut] += deal.amount_minor
                assert deal.opened_on is not None
                expected.cycles[cut].append((deal.closed_on - deal.opened_on).days)
            else:
                expected.lost[deal.closed_on, cut] += 1
    return expected


def median(values: list[int]) -> Fraction:
    """Exact median; the mean of the two middle values for an even count."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return Fraction(ordered[middle])
    return Fraction(ordered[middle - 1] + ordered[middle], 2)


def _opportunity(
    row: dict[str, str], people: dict[str, dict[str, str]], sectors: dict[str, str]
) -> Opportunity:
    person = people[row["sales_agent"]]
    sector = sectors.get(row["account"], UNKNOWN)
    return Opportunity(
        number=row["opportunity_id"],
        stage=row["deal_stage"],
        opened_on=_day(row["engage_date"]),
        closed_on=_day(row["close_date"]),
        amount_minor=int(row["close_value"] or 0) * 100,
        slices=(
            ("", ""),
            ("owner", row["sales_agent"]),
            ("team", TEAMS[person["manager"]]),
            ("region", person["regional_office"]),
            ("product", {"GTXPro": "GTX Pro"}.get(row["product"], row["product"])),
            ("sector", {"technolgy": "technology"}.get(sector, sector)),
        ),
    )


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
