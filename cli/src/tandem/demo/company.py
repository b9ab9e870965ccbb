"""What the demo company is: its teams, products, channels, seasons, and its bad quarter.

The cause of the bad quarter is known, so that a diagnosis can be judged by it:
the referral programme was paused. Fewer leads came by recommendation, more
through social media, and every channel sold as well as before. Sales did
nothing wrong; the mix of channels did.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

CURRENCY: Final = "USD"
PIPELINE: Final = "standard"
WEBSHOP: Final = "/partners/webshop"
SURVEYS: Final = "/partners/surveys"
STATISTICS: Final = "/partners/statistics"


@dataclass(frozen=True)
class Channel:
    """Where leads come from, how many a month, and how well they sell."""

    code: str
    leads_a_month: float
    qualified: float
    won: float
    cost_minor_a_month: int


@dataclass(frozen=True)
class Product:
    """What is sold, at which list price, how often, and how long a sale takes."""

    code: str
    name: str
    price_minor: int
    share: float
    cycle_days: float
    with_project: bool = False


CHANNELS: Final = (
    Channel("referral", 60, 0.70, 0.48, 250_000),
    Channel("search_ads", 50, 0.45, 0.22, 900_000),
    Channel("trade_fair", 18, 0.55, 0.30, 600_000),
    Channel("social", 16, 0.30, 0.11, 300_000),
)
PRODUCTS: Final = (
    Product("sensor-basic", "Sensor Basic", 120_000, 0.34, 18),
    Product("sensor-pro", "Sensor Pro", 480_000, 0.28, 30),
    Product("edge-kit", "Edge Kit", 950_000, 0.20, 40),
    Product("line-retrofit", "Line Retrofit", 2_400_000, 0.10, 50, with_project=True),
    Product("service-plan", "Service Plan", 240_000, 0.08, 14),
)
REGIONS: Final = ("north", "south", "east", "west")
SEGMENTS: Final = (("small", 0.55), ("medium", 0.33), ("enterprise", 0.12))
SECTORS: Final = ("machinery", "electronics", "food", "logistics")
PEOPLE_A_TEAM: Final = 3
_SALES_LAG: Final = timedelta(days=40)
"""A lead's result shows about so much later: the programme was paused that long before."""
_MARKET_MINOR: Final = 4_000_000_000
"""What everybody sold in an average quarter; it grows by a hundredth a quarter."""
_SEASON: Final = (0.85, 0.6, 1.05, 1.0, 1.0, 0.95, 0.95, 0.95, 1.15, 1.1, 1.15, 1.2)


@dataclass(frozen=True)
class World:
    """The frame of one generated history: a seed, a zone, and its first and last day."""

    random: Random
    zone: ZoneInfo
    first_on: date
    last_on: date
    bad_quarter: tuple[date, date]

    @classmethod
    def ending(cls, last_on: date, *, zone: ZoneInfo, seed: int, months: int = 30) -> World:
        """The history of whole months up to `last_on`; the last complete quarter is the bad one.

        Long enough that the same quarter a year before has a customer base of its own.
        """
        first_on = add_months(last_on.replace(day=1), -months)
        quarter_start = last_on.replace(month=(last_on.month - 1) // 3 * 3 + 1, day=1)
        bad = (add_months(quarter_start, -3), quarter_start)
        return cls(Random(seed), zone, first_on, last_on, bad)  # noqa: S311  not a secret

    def quarters(self) -> Iterator[tuple[date, date]]:
        """The complete quarters of the history: first day, first day after."""
        start = add_months(self.first_on, -(self.first_on.month - 1) % 3)
        while (end := add_months(start, 3)) <= self.last_on:
            yield start, end
            start = end

    def market_minor(self, quarter_start: date) -> int:
        """The size of the market in a quarter: it moves with the seasons, and did not fall."""
        months = (quarter_start.year - self.first_on.year) * 12
        months += quarter_start.month - self.first_on.month
        season = sum(_SEASON[quarter_start.month - 1 : quarter_start.month + 2]) / 3
        size: float = _MARKET_MINOR * season * 1.01 ** (months / 3)
        return round(size)

    def leads_on(self, day: date, channel: Channel) -> float:
        """Expected leads of a channel on a day."""
        months = (day.year - self.first_on.year) * 12 + day.month - self.first_on.month
        expected = channel.leads_a_month / 21.7 * _SEASON[day.month - 1] * 1.004**months
        if day.weekday() >= 5:
            expected *= 0.15
        if self.bad_quarter[0] <= day + _SALES_LAG < self.bad_quarter[1]:
            expected *= {"referral": 0.15, "social": 3.0}.get(channel.code, 1.0)
        return expected


def add_months(day: date, months: int) -> date:
    """The first of the month that lies so many months from that of `day`."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def teams() -> list[dict[str, object]]:
    """One team a region."""
    return [
        {"code": f"team-{region}", "name": f"Team {region.title()}", "region": region}
        for region in REGIONS
    ]


def people() -> list[dict[str, object]]:
    """The salespeople, known by their desk."""
    return [
        {
            "external_ref": f"demo-{region}-{desk}",
            "name": f"Sales {region.title()} {desk}",
            "team": f"team-{region}",
        }
        for region in REGIONS
        for desk in range(1, PEOPLE_A_TEAM + 1)
    ]


def products() -> list[dict[str, object]]:
    """The catalogue with list prices."""
    return [
        {
            "code": product.code,
            "name": product.name,
            "list_price": {"amount_minor": product.price_minor, "currency": CURRENCY},
        }
        for product in PRODUCTS
    ]
