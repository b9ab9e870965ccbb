"""A company of which a diagnosis is asked: thirty months, half of the deals with old customers."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec.structs import replace

from events import Dimensions, Event, EventData, Money, Owner
from events.types.market import MarketSizeReported
from events.types.pipeline import DealCreated, DealLost, DealState, DealWon

SOURCE: Final = "/tandem/pipeline"
FIRST: Final = datetime(2024, 5, 1, tzinfo=UTC)
BAD: Final = datetime(2026, 7, 1, tzinfo=UTC)
"""From this day on fewer deals come from the channel that wins most."""
DAYS: Final = 930
RATES: Final = {"referral": 0.45, "search": 0.25, "fair": 0.3, "social": 0.15}
REASONS: Final = ("price", "competitor", "service", "no_budget", "no_decision")


def history(deals: int) -> list[Event]:
    """Two events a deal, in the order in which they became known, and the market by quarters."""
    draw = random.Random(1)
    customers: list[str] = []
    events = []
    for number in range(deals):
        at = FIRST + timedelta(days=DAYS * number / deals, minutes=draw.randrange(600))
        if customers and draw.random() < 0.5:
            customer = draw.choice(customers)
        else:
            customer = f"0190a000-0000-7000-8000-{number:012}"
        state = _deal(draw, number, at=at, customer=customer)
        closed = at + timedelta(days=draw.randrange(3, 90))
        won = draw.random() < RATES[state.dimensions.channel or ""]
        ended = replace(state, status="won" if won else "lost", closed_at=closed)
        if won:
            customers.append(customer)
        last = DealWon(deal=ended) if won else DealLost(deal=ended, reason=draw.choice(REASONS))
        events += [_event(DealCreated(deal=state), at, 1), _event(last, closed, 2)]
    events += [_market(year, quarter) for year in (2024, 2025, 2026) for quarter in (1, 2, 3, 4)]
    return sorted(events, key=lambda event: event.recordedtime)


def _deal(draw: random.Random, number: int, *, at: datetime, customer: str) -> DealState:
    weights = (10, 40, 10, 40) if at >= BAD else (40, 30, 10, 20)
    return DealState(
        deal_id=f"d{number}",
        pipeline="standard",
        stage="proposal",
        stage_rank=2,
        status="open",
        episode=1,
        created_at=at,
        customer_id=customer,
        owners=[Owner(owner_id=f"owner-{draw.randrange(100)}", weight_bp=10_000)],
        dimensions=Dimensions(
            team=f"T{draw.randrange(12):02}",
            channel=draw.choices(list(RATES), weights)[0],
            segment=f"S{draw.randrange(3)}",
            sector=f"K{draw.randrange(10)}",
            region=f"R{draw.randrange(8):02}",
            product="rare" if number % 1_000 == 0 else f"P{draw.randrange(20):02}",
        ),
        amount=Money(amount_minor=draw.randrange(100_000, 5_000_000), currency="CNY"),
    )


def _market(year: int, quarter: int) -> Event:
    size = Money(amount_minor=10**12, currency="CNY")
    label = f"{year}-Q{quarter}"
    data = MarketSizeReported(report_id=label, scope="company", period=label, size=size)
    return _event(data, datetime(year, quarter * 3, 28, tzinfo=UTC), 1)


def _event(data: EventData, at: datetime, sequence: int) -> Event:
    return Event.of(
        data,
        source=SOURCE,
        sequence=sequence,
        occurred_at=at,
        recorded_at=at,
        id=f"{data.subject}/{sequence}",
    )
