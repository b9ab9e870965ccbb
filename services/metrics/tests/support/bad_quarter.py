"""A company whose results fall in one quarter, for a reason that is known."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from events import Dimensions, Event, EventData, Money, Owner
from events.types import partner, pipeline
from events.types.market import MarketSizeReported

PIPELINE, SHOP = "/tandem/pipeline", "/shop/a"
QUARTERS = (*((year, quarter) for year in (2022, 2023) for quarter in range(4)), (2024, 0))
BAD = QUARTERS[-1]


class Company:
    """Quarters of deals and repeat orders. `fault` says what the last one suffers from: with
    `season` there is less of everything, as in that quarter of every year.
    """

    def __init__(
        self, *, fault: str, seed: int = 7, deals: int = 400, quarters: int = len(QUARTERS)
    ) -> None:
        self._rnd = random.Random(seed)
        self.fault = fault
        self._deals = deals
        self._customers: list[str] = []
        self._won_in: list[list[str]] = []
        """Customers of earlier quarters."""
        self._number = 0
        self.people = [self._rnd.randbytes(6).hex() for _ in range(8)]
        """Who sells: names that nothing else has."""
        self.events: list[Event] = []
        self._quarters = QUARTERS[-quarters:]
        for year, quarter in self._quarters:
            self._tell_quarter(datetime(year, quarter * 3 + 1, 1, 12, tzinfo=UTC))
        self.events += self._markets()
        self.events.sort(key=lambda event: (event.recordedtime, event.sequence))

    def _tell_quarter(self, start: datetime) -> None:
        bad = (start.year, (start.month - 1) // 3) == BAD
        fault = self.fault if bad else ""
        referrals = self._deals * (15 if fault == "mix" else 50) // 100
        plan = {"referral": (referrals, 0.4), "ads": (self._deals - referrals, 0.15)}
        for channel, (count, rate) in plan.items():
            share = rate * (0.5 if fault == "win_rate" else 1)
            created = count * 7 // 10 if fault in {"market", "season"} else count
            for place in range(created):
                # As many as the rate says, so that chance does not hide the fault.
                won = int((place + 1) * share) > int(place * share)
                self._tell_deal(start, channel, won=won)
        for customers in self._won_in[-3:]:
            for customer in customers:
                if self._rnd.random() < (0.28 if fault == "season" else 0.4):
                    self._tell_order(start, customer)
        self._won_in.append(self._customers)
        self._customers = []

    def _tell_deal(self, start: datetime, channel: str, *, won: bool) -> None:
        rnd = self._rnd
        self._number += 1
        at = start + timedelta(days=rnd.randrange(60), seconds=rnd.randrange(3600))
        customer = f"0190a000-0000-7000-8000-{self._number:012}"
        deal = pipeline.DealState(
            deal_id=f"d{self._number}",
            pipeline="standard",
            stage="first",
            stage_rank=0,
            status="open",
            episode=1,
            created_at=at,
            customer_id=customer,
            owners=[Owner(owner_id=rnd.choice(self.people), weight_bp=10_000)],
            dimensions=Dimensions(channel=channel, region=rnd.choice(["North", "South"])),
            amount=Money(amount_minor=rnd.randrange(300_000, 700_000), currency="USD"),
        )
        self._say(pipeline.DealCreated(deal=deal), PIPELINE, at, 1)
        closed = at + timedelta(days=rnd.randrange(1, 28))
        state = msgspec.structs.replace(deal, status="won" if won else "lost", closed_at=closed)
        if won:
            self._customers.append(customer)
            self._say(pipeline.DealWon(deal=state), PIPELINE, closed, 2)
        else:
            self._say(pipeline.DealLost(deal=state, reason="price"), PIPELINE, closed, 2)

    def _tell_order(self, start: datetime, customer: str) -> None:
        self._number += 1
        at = start + timedelta(days=self._rnd.randrange(88))
        amount = Money(amount_minor=self._rnd.randrange(100_000, 200_000), currency="USD")
        data = partner.OrderPaid(order_id=f"o{self._number}", amount=amount, customer_id=customer)
        self._say(data, SHOP, at, 1)

    def _markets(self) -> Iterator[Event]:
        for number, (year, quarter) in enumerate(self._quarters):
            smaller = self.fault == "market" and (year, quarter) == BAD
            size = Money(amount_minor=700_000_000 if smaller else 1_000_000_000, currency="USD")
            at = datetime(year, quarter * 3 + 3, 28, tzinfo=UTC)
            data = MarketSizeReported(
                report_id=f"m{number}", scope="company", period=f"{year}-Q{quarter + 1}", size=size
            )
            yield _event(data, SHOP, at, 1)

    def _say(self, data: EventData, source: str, at: datetime, sequence: int) -> None:
        self.events.append(_event(data, source, at, sequence))


def _event(data: EventData, source: str, at: datetime, sequence: int) -> Event:
    return Event.of(
        data,
        source=source,
        sequence=sequence,
        occurred_at=at,
        recorded_at=at,
        id=f"{source}{data.subject}{sequence}",
    )
