"""What partners of the demo company tell: the form of their events, and the size of the market."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from typing import Any

from tandem.demo.company import CURRENCY, STATISTICS, World

Row = dict[str, Any]


def market_reports(world: World) -> Iterator[Row]:
    """What the statistics office reports of each quarter, three weeks after its end."""
    for start, end in world.quarters():
        period = f"{start.year}-Q{(start.month + 2) // 3}"
        yield partner_event(
            world,
            min(end + timedelta(days=20), world.last_on),
            source=STATISTICS,
            kind="com.tandem.partner.market.size_reported.v1",
            subject=f"market-{period}",
            data={
                "report_id": f"market-{period}",
                "scope": "company",
                "period": period,
                "size": {"amount_minor": world.market_minor(start), "currency": CURRENCY},
            },
        )


def partner_event(
    world: World, day: date, *, source: str, kind: str, subject: str, data: Row
) -> Row:
    return {
        "specversion": "1.0",
        "id": f"demo-{subject}",
        "source": source,
        "type": kind,
        "subject": subject,
        "time": moment(world, day, hours=(8, 22)).isoformat(),
        "datacontenttype": "application/json",
        "data": data,
    }


def moment(world: World, day: date, *, hours: tuple[int, int]) -> datetime:
    """Some moment of the day between two full hours."""
    seconds = world.random.randrange(hours[0] * 3600, hours[1] * 3600)
    start = datetime.combine(day, clock_time(0), world.zone)
    return start + timedelta(seconds=seconds)
