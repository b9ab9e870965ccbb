"""Null where nobody can know: cohorts older than their outcomes, windows with a day missing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from kpi_histories import CUSTOMER
from kpi_stories import SHOP, event

from events import Dimensions, Event, Money
from events.types.customer import LeadCaptured, LeadState
from events.types.partner import ActivityRecorded
from events.types.pipeline import DealCreated, DealState, DealWon, LeadOrigin

JANUARY = datetime(2024, 1, 10, 12, tzinfo=UTC)
MARCH = datetime(2024, 3, 11, 12, tzinfo=UTC)
LATER = datetime(2025, 1, 1, tzinfo=UTC)


def lead(name: str, at: datetime, *, channel: str | None = None) -> Event:
    dimensions = Dimensions(channel=channel)
    state = LeadState(lead_id=name, status="new", captured_at=at, dimensions=dimensions)
    return event(LeadCaptured(lead=state), 1, at, source=CUSTOMER)


async def rows(service: Any, kpi: str, **params: Any) -> dict[str, tuple[Any, Any]]:
    async with service.caller() as client:
        response = await client.get(f"/v1/kpis/{kpi}", params=params)
    assert response.status_code == 200, response.text
    return {
        period["period"]: (row["value"], row["reason"])
        for period in response.json()["periods"]
        for row in period["rows"]
    }


async def test_of_leads_from_before_any_deal_nobody_knows_what_became(service: Any) -> None:
    leads = [lead("a", JANUARY), lead("b", MARCH), lead("c", MARCH)]
    await service.feed(leads)
    await service.know_until(LATER)
    asked = {"from": "2024-01-01", "to": "2024-04-01", "grain": "month"}
    assert set((await rows(service, "lead_conversion", **asked)).values()) == {
        (None, "not_covered")
    }
    deal = DealState(
        deal_id="d",
        pipeline="standard",
        stage="first",
        stage_rank=0,
        status="open",
        episode=1,
        created_at=MARCH,
        amount=Money(amount_minor=1, currency="USD"),
        lead=LeadOrigin(lead_id="b", captured_at=MARCH),
    )
    await service.feed([event(DealCreated(deal=deal), 1, MARCH)])
    expected = {"2024-01": (None, "not_covered"), "2024-02": (None, "not_covered")}
    assert await rows(service, "lead_conversion", **asked) == expected | {"2024-03": (0, None)}
    won = DealWon(deal=DealState(**{**_fields(deal), "status": "won", "closed_at": MARCH}))
    await service.feed([event(won, 2, MARCH)])
    assert await rows(service, "lead_conversion", **asked) == expected | {"2024-03": (0.5, None)}


def _fields(state: DealState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in state.__struct_fields__}


async def test_a_cohort_that_began_before_its_outcomes_are_told_of_is_incomplete(
    service: Any,
) -> None:
    early, late = MARCH, MARCH + timedelta(days=10)
    leads = [
        lead("a", early, channel="fair"),
        lead("b", late, channel="fair"),
        lead("c", late, channel="web"),
    ]
    deal = DealState(
        deal_id="d",
        pipeline="standard",
        stage="first",
        stage_rank=0,
        status="open",
        episode=1,
        created_at=late,
        amount=Money(amount_minor=1, currency="USD"),
        lead=LeadOrigin(lead_id="c", captured_at=late),
    )
    created = event(DealCreated(deal=deal), 1, late)
    await service.feed([*leads, created])
    await service.know_until(LATER)

    asked = {"from": "2024-03-01", "to": "2024-05-01", "grain": "month"}
    assert await rows(service, "lead_conversion", **asked) == {
        "2024-03": (None, "incomplete"),
        "2024-04": (None, "no_denominator"),
    }
    of_quarter = {"period": "2024-Q1"}
    assert await rows(service, "lead_conversion", **of_quarter) == {"2024-Q1": (None, "incomplete")}
    since = {"filter": "channel:web"} | asked
    whole = {"2024-03": (0.0, None), "2024-04": (None, "no_denominator")}
    assert await rows(service, "lead_conversion", **since) == whole, "its leads came later"
    async with service.caller() as client:
        answer = await client.get("/v1/kpis/lead_conversion", params={"by": "channel"} | asked)
    by_channel = {
        row["dimensions"]["channel"]: (row["value"], row["reason"])
        for row in answer.json()["periods"][0]["rows"]
    }
    assert by_channel == {"fair": (None, "incomplete"), "web": (0.0, None)}


async def test_a_quiet_day_is_an_outage_only_while_something_is_missing(service: Any) -> None:
    days = [MARCH + timedelta(days=n) for n in range(40) if n != 30]
    await service.feed(
        [
            event(ActivityRecorded(user_id="u", kind="login"), n, day, source=SHOP)
            for n, day in enumerate(days, start=1)
        ]
    )
    await service.know_until(LATER)
    quiet = date(2024, 4, 10)
    asked = {"from": str(quiet - timedelta(days=1)), "to": str(quiet + timedelta(days=2))}
    whole = await rows(service, "stickiness", grain="day", **asked)
    assert whole == {
        "2024-04-09": (1.0, None),
        "2024-04-10": (27 / 28, None),
        "2024-04-11": (27 / 28, None),
    }
    await service.pool.execute("UPDATE consumer_positions SET stopped = '{}'")
    missing = await rows(service, "stickiness", grain="day", **asked)
    assert missing == {
        "2024-04-09": (1.0, None),
        "2024-04-10": (None, "incomplete"),
        "2024-04-11": (None, "incomplete"),
    }
