"""Evidence of cohorts: those that became mature in the period, and fewer sales told from slower."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bad_quarter import Company
from kpi_histories import CUSTOMER
from kpi_stories import SHOP, event
from metrics_service import running

from events import Dimensions, Event, Money
from events.types.customer import LeadCaptured, LeadState
from events.types.partner import ActivityRecorded
from events.types.pipeline import DealCreated, DealState, DealWon, LeadOrigin

LATER: Final = datetime(2024, 6, 1, tzinfo=UTC)
USERS: Final = 40
LEADS: Final = 100


def cohort_of_leads(start: datetime, *, after_days: list[int]) -> Iterator[Event]:
    """Leads of a quarter; the first of them are sold to so many days after their capture."""
    for number in range(LEADS):
        name = f"{start:%Y%m}-{number}"
        captured = start + timedelta(days=number % 90)
        fair = Dimensions(channel="fair")
        lead = LeadState(lead_id=name, status="new", captured_at=captured, dimensions=fair)
        yield event(LeadCaptured(lead=lead), 1, captured, source=CUSTOMER)
        if number >= len(after_days):
            continue
        closed = captured + timedelta(days=after_days[number])
        deal: dict[str, Any] = {
            "deal_id": f"of-{name}",
            "pipeline": "standard",
            "stage": "first",
            "stage_rank": 0,
            "episode": 1,
            "created_at": captured,
            "amount": Money(amount_minor=100_000, currency="USD"),
            "lead": LeadOrigin(lead_id=name, captured_at=captured, dimensions=fair),
        }
        created = DealCreated(deal=DealState(status="open", **deal))
        yield event(created, 1, captured)
        won = DealWon(deal=DealState(status="won", closed_at=closed, **deal))
        yield event(won, 2, closed)


def users_of_months() -> Iterator[Event]:
    """Every month new ones; half of them come again a month later, in the end one of five."""
    number = 0
    for month in range(21, 51):
        first = _noon(month)
        staying = USERS // 5 if month >= _MONTH_OF_LAST_DECEMBER else USERS // 2
        for user in range(USERS):
            days = [first, _noon(month + 1)] if user < staying else [first]
            for day in days:
                number += 1
                data = ActivityRecorded(user_id=f"u{month}-{user}", kind="login")
                yield event(data, number, day, source=SHOP)


_MONTH_OF_LAST_DECEMBER: Final = 47


def _noon(month: int) -> datetime:
    """Of the twelfth day, so many months after January 2020."""
    return datetime(2020 + month // 12, month % 12 + 1, 12, 12, tzinfo=UTC)


async def evidence(url: str, folder: Path, events: list[Event], *, period: str) -> dict[Any, Any]:
    async with running(url, folder) as service:
        ordered = sorted(events, key=lambda event: (event.recordedtime, event.sequence))
        await service.feed_all(ordered, at_once=500)
        await service.know_until(LATER)
        async with service.caller("boss") as client:
            answer = await client.get("/v1/diagnosis", params={"period": period})
    assert answer.status_code == 200, answer.text
    told = answer.json()["evidence"]
    return {(one["kpi"], one["slice"]) if one["slice"] else one["kpi"]: one for one in told}


async def test_slower_sales_are_told_from_fewer_ones(
    new_database: Callable[[str], str], tmp_path: Path
) -> None:
    """As many leads are sold to, but three of four of them later: sales are slow, not few."""
    company = Company(fault="win_rate", deals=120)
    soon, late = [10] * 30 + [60] * 10, [10] * 10 + [60] * 30
    quarters = (datetime(2022, 10, 1, 12, tzinfo=UTC), datetime(2023, 10, 1, 12, tzinfo=UTC))
    leads = [
        event
        for start, days in zip(quarters, (soon, late), strict=True)
        for event in cohort_of_leads(start, after_days=days)
    ]
    events = company.events + leads
    seen = await evidence(new_database("metrics"), tmp_path, events, period="2024-Q1")

    fewer, slower = seen["lead_conversion"], seen["lead_conversion_soon"]
    assert (fewer["baseline"], fewer["current"]) == (0.4, 0.4)
    assert (fewer["supports"], fewer["contradicts"]) == (None, None)
    assert "period=2023-Q4" in fewer["link"], "the cohort that became mature in the period"
    assert (slower["baseline"], slower["current"]) == (0.75, 0.25)
    assert slower["high"] < 0
    assert slower["supports"] is None, "over all channels it moves with their mix"
    assert seen["lead_conversion", "fair"]["supports"] is None
    of_fair = seen["lead_conversion_soon", "fair"]
    assert (of_fair["baseline"], of_fair["current"]) == (0.75, 0.25)
    assert of_fair["supports"] == "sales"
    assert of_fair["link"].endswith("period=2023-Q4&filter=channel:fair")


async def test_users_who_do_not_come_back_speak_of_operations(
    new_database: Callable[[str], str], tmp_path: Path
) -> None:
    events = Company(fault="mix", deals=120).events + list(users_of_months())
    seen = await evidence(new_database("metrics"), tmp_path, events, period="2024-Q1")

    stayed = seen["user_retention"]
    assert (stayed["baseline"], stayed["current"]) == (0.5, 0.2)
    assert stayed["supports"] == "operations"
    assert {"dau", "mau", "stickiness"} <= seen.keys()
    assert all(seen[kpi]["low"] is not None for kpi in ("dau", "mau", "stickiness"))
    assert (
        seen["market_share"]["low"] < seen["market_share"]["delta"] < seen["market_share"]["high"]
    )
    assert "channel_cpl" not in seen, "nobody told us of any cost"


async def test_a_month_of_too_few_facts_is_widened_with_its_evidence(
    new_database: Callable[[str], str], tmp_path: Path
) -> None:
    """To twelve months that are none of the calendar."""
    events = Company(fault="mix", deals=20).events + list(users_of_months())
    seen = await evidence(new_database("metrics"), tmp_path, events, period="2024-02")

    assert "user_retention" in seen
    assert "?from=2023-03-01&to=2024-03-01&grain=month" in seen["win_rate"]["link"]
