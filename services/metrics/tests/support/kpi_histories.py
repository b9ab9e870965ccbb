"""Random histories of a small company: every event that a KPI counts, and all that goes wrong.

Times crowd around local midnights, months' ends and the two days on which clocks
change. The same seed gives the same history.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from events import Dimensions, Event, EventData, Money, Owner
from events.types import customer, ops, partner, pipeline

BASE = "USD"
FIRST = date(2024, 2, 1)
DAYS = 330
"""From before the clocks change in spring until after they do in autumn."""

CUSTOMER, PIPELINE, OPS = "/tandem/customer", "/tandem/pipeline", "/tandem/ops"
PARTNERS = ("/shop/a", "/shop/b")


class History:
    """Events as they were recorded, at random."""

    def __init__(self, seed: int, *, facts: int, zone: str = "America/New_York") -> None:
        self.rnd = random.Random(seed)
        self.zone = ZoneInfo(zone)
        self.events: list[Event] = []
        self._sequences: dict[tuple[str, str], int] = {}
        self._recorded: dict[tuple[str, str], datetime] = {}
        self._sales: list[tuple[str, str, str]] = []
        """(source_type, partner, id) of what can be refunded; some never arrive."""
        makers: list[Callable[[int], None]] = [
            *(self._deal,) * 5,
            *(self._order, self._cost, self._project, self._target, self._refund),
        ]
        for number in range(facts):
            self.rnd.choice(makers)(number)

    # -- facts ---------------------------------------------------------------

    def _deal(self, number: int) -> None:
        rnd = self.rnd
        at = self._instant()
        lead = self._lead(number, at) if rnd.random() < 0.4 else None
        deal = pipeline.DealState(
            deal_id=f"d{number}",
            pipeline=rnd.choice(["standard", "large"]),
            stage="first",
            stage_rank=0,
            status="open",
            episode=1,
            created_at=at,
            owners=self._owners(),
            dimensions=self._dimensions(),
            amount=self._money(),
            lead=lead,
        )
        self._say(pipeline.DealCreated(deal=deal), PIPELINE, at)
        for _ in range(rnd.randrange(6)):
            at = self._later(at)
            if lead and rnd.random() < 0.4:
                edge = timedelta(days=90, microseconds=rnd.choice([-1, 0, 1]))
                at = max(at, lead.captured_at + edge)
            data = self._deal_step(deal, at)
            deal = data.deal
            # The sequence decides, also against a clock that was set back.
            spoken = at - timedelta(days=2) if rnd.random() < 0.1 else at
            self._say(data, PIPELINE, spoken)
            if deal.status == "deleted":
                break
        self._sales.append(("deal", "", deal.deal_id))

    def _deal_step(self, deal: pipeline.DealState, at: datetime) -> Any:
        change = msgspec.structs.replace
        if deal.status != "open":
            return self._step_after_closing(deal)
        match self.rnd.choice(["stage", "amount", "owners", "details", "won", "won", "lost"]):
            case "stage":
                further = change(deal, stage="second", stage_rank=1)
                step: Any = pipeline.DealStageChanged(deal=further, from_stage=deal.stage)
            case "amount":
                step = pipeline.DealAmountChanged(deal=change(deal, amount=self._money()))
            case "owners":
                other = change(deal, owners=self._owners(), dimensions=self._dimensions())
                step = pipeline.DealReassigned(deal=other)
            case "details":
                other = change(deal, dimensions=self._dimensions())
                step = pipeline.DealDetailsChanged(deal=other)
            case "won":
                step = pipeline.DealWon(deal=change(deal, status="won", closed_at=at))
            case _:
                lost = change(deal, status="lost", closed_at=at)
                step = pipeline.DealLost(deal=lost, reason="price")
        return step

    def _step_after_closing(self, deal: pipeline.DealState) -> Any:
        change, luck = msgspec.structs.replace, self.rnd.random()
        if luck < 0.1:
            return pipeline.DealDeleted(deal=change(deal, status="deleted"))
        if luck < 0.4:
            other = change(deal, dimensions=self._dimensions(), amount=self._money())
            return pipeline.DealDetailsChanged(deal=other)
        back = change(deal, status="open", closed_at=None, episode=deal.episode + 1)
        return pipeline.DealReopened(deal=back)

    def _lead(self, number: int, deal_at: datetime) -> pipeline.LeadOrigin:
        rnd = self.rnd
        captured = deal_at - timedelta(days=rnd.randrange(-3, 90), seconds=rnd.randrange(86_400))
        lead = customer.LeadState(
            lead_id=f"l{number}",
            status="new",
            captured_at=captured,
            owner_id=rnd.choice(["ann", "bob", None]),
            dimensions=self._dimensions(),
        )
        self._say(customer.LeadCaptured(lead=lead), CUSTOMER, captured)
        if rnd.random() < 0.5:
            moved = msgspec.structs.replace(
                lead, status="contacted", dimensions=self._dimensions(), owner_id="cid"
            )
            self._say(customer.LeadContacted(lead=moved), CUSTOMER, self._later(captured))
        return pipeline.LeadOrigin(
            lead_id=lead.lead_id,
            captured_at=captured,
            owner_id=lead.owner_id,
            dimensions=lead.dimensions,
        )

    def _order(self, number: int) -> None:
        rnd, source = self.rnd, self.rnd.choice(PARTNERS)
        # Orders, refunds and costs of a partner share its space of ids: streams collide.
        order_id = f"x{rnd.randrange(8)}" if rnd.random() < 0.3 else f"o{number}"
        at = self._instant()
        for _ in range(rnd.choice([1, 1, 1, 2])):
            lines = [
                partner.OrderLine(product=f"p{n}", quantity=1, amount_minor=rnd.randrange(5_000))
                for n in range(rnd.randrange(4))
            ]
            amount = sum(line.amount_minor for line in lines) or rnd.randrange(9_000)
            data = partner.OrderPaid(
                order_id=order_id,
                amount=self._priced(amount),
                owner_id=rnd.choice(["ann", "bob", None]),
                lines=lines,
                dimensions=self._dimensions(),
            )
            self._say(data, source, at)
            at = self._later(at)
        self._maybe_void(source, order_id)
        self._sales.append(("order", source, order_id))

    def _refund(self, number: int) -> None:
        rnd = self.rnd
        refund_id = f"x{rnd.randrange(8)}" if rnd.random() < 0.3 else f"r{number}"
        kind, source, sale_id = self._refundable()
        source = source or rnd.choice(PARTNERS)
        for _ in range(rnd.choice([1, 1, 2])):
            data = partner.PaymentRefunded(
                refund_id=refund_id,
                source_type=kind,
                source_id=sale_id,
                amount=self._priced(rnd.choice([1, 5_000, 100_000_000])),
            )
            self._say(data, source, self._instant())
            if rnd.random() < 0.5:
                kind, _, sale_id = self._refundable()
        self._maybe_void(source, refund_id)

    def _refundable(self) -> tuple[Any, str, str]:
        if not self._sales or self.rnd.random() < 0.1:
            return "order", "", "never heard of"
        return self.rnd.choice(self._sales)

    def _cost(self, number: int) -> None:
        rnd = self.rnd
        source = rnd.choice([OPS, OPS, PARTNERS[0]])
        cost_id = f"x{rnd.randrange(8)}" if source != OPS and rnd.random() < 0.4 else f"c{number}"
        at = self._instant()
        for _ in range(rnd.choice([1, 1, 2])):
            data = ops.CostRecorded(
                cost_id=cost_id,
                kind=rnd.choice(["operating", "operating", "project", "acquisition"]),
                amount=self._priced(rnd.randrange(100_000)),
                incurred_on=FIRST + timedelta(days=rnd.randrange(DAYS)),
                project_id=rnd.choice([None, "j1", "j2"]),
                process=rnd.choice([None, "support"]),
                dimensions=self._dimensions(),
            )
            self._say(data, source, at)
            at = self._later(at)
        if source == OPS and rnd.random() < 0.3:
            self._say(ops.CostVoided(cost_id=cost_id), source, at)
        elif source != OPS:
            self._maybe_void(source, cost_id)

    def _project(self, number: int) -> None:
        rnd, at = self.rnd, self._instant()
        project = ops.ProjectState(
            project_id=rnd.choice([f"j{number}", f"j{number}", "j1", "j2"]),
            stage="plan",
            created_at=at,
            owner_id=rnd.choice(["ann", None]),
            dimensions=self._dimensions(),
        )
        if (OPS, project.project_id) in self._sequences:
            return
        self._say(ops.ProjectCreated(project=project), OPS, at)
        for _ in range(rnd.randrange(5)):
            at = self._later(at)
            data = self._project_step(project, at)
            project = data.project
            self._say(data, OPS, at)

    def _project_step(self, project: ops.ProjectState, at: datetime) -> Any:
        rnd, change = self.rnd, msgspec.structs.replace
        if not project.baselines or rnd.random() < 0.2:
            ahead = rnd.choice([0, 1, 1, 40, rnd.randrange(80)])
            due = at.astimezone(self.zone).date() + timedelta(days=ahead)
            values = [
                ops.PlannedValue(on=due - timedelta(days=n * 9), value_minor=(3 - n) * 7_001)
                for n in (2, 1, 0)
            ]
            baseline = ops.Baseline(
                due_on=due,
                budget=self._priced(rnd.randrange(90_000)) if rnd.random() < 0.8 else None,
                planned_values=values if rnd.random() < 0.5 else [],
            )
            grown = [*project.baselines, baseline]
            return ops.ProjectBaselined(project=change(project, stage="execute", baselines=grown))
        step = rnd.choice(["details", "completed", "cancelled", "reopened"])
        if step == "completed":
            done = change(project, stage="closed", completed_at=at)
            return ops.ProjectCompleted(project=done)
        if step == "cancelled":
            gone = change(project, stage="cancelled", cancelled_at=at)
            return ops.ProjectCancelled(project=gone)
        if step == "reopened":
            back = change(project, stage="execute", completed_at=None)
            return ops.ProjectReopened(project=back)
        other = change(project, owner_id="bob", dimensions=self._dimensions())
        return ops.ProjectDetailsChanged(project=other)

    def _target(self, number: int) -> None:
        rnd = self.rnd
        scope: Any = rnd.choice(["company", "company", "team", "owner", "product", "process"])
        at = self._instant()
        value = rnd.randrange(1, 900_000)
        kpi = rnd.choice(["revenue_net", "revenue_net", "operating_cost"])
        periods = rnd.choice(
            [["2024-Q2"], ["2024"], ["2024-03"], ["2024-04", "2024-05", "2024-06"], ["2024-05"]]
        )
        for place, period in enumerate(periods):
            for _ in range(rnd.choice([1, 1, 2])):
                data = pipeline.TargetSet(
                    target_id=f"t{number}-{place}",
                    kpi=kpi,
                    scope=scope,
                    scope_value=None if scope == "company" else rnd.choice(["ann", "north", "p1"]),
                    period=period,
                    value=None if rnd.random() < 0.1 else value,
                    currency="EUR" if rnd.random() < 0.1 else BASE,
                )
                self._say(data, PIPELINE, at)
                value, at = rnd.randrange(1, 900_000), self._later(at)

    # -- parts ---------------------------------------------------------------

    def _maybe_void(self, source: str, subject: str) -> None:
        """Void one of the events about the subject, sometimes the void itself."""
        while self.rnd.random() < 0.35:
            about = [e for e in self.events if (e.source, e.subject) == (source, subject)]
            voided = self.rnd.choice(about)
            data = partner.EventVoided(event_id=voided.id, reason="mistake")
            self._say(data, source, self._instant(), subject=subject)

    def _say(
        self, data: EventData, source: str, at: datetime, *, subject: str | None = None
    ) -> None:
        stream = (source, subject or data.subject)
        sequence = self._sequences.get(stream, 0) + 1
        self._sequences[stream] = sequence
        late = timedelta(seconds=self.rnd.choice([0, 0.25, 3, 4_000, 900_000]))
        recorded = max(at + late, self._recorded.get(stream, at))
        if source == PIPELINE and self.rnd.random() < 0.1:
            recorded -= timedelta(days=2)  # a clock that was set back
        else:
            self._recorded[stream] = recorded
        event = Event.of(
            data,
            source=source,
            sequence=sequence,
            occurred_at=at,
            recorded_at=recorded,
            subject=stream[1],
            id=f"{source}:{stream[1]}:{sequence}",
        )
        self.events.append(event)

    def _instant(self) -> datetime:
        rnd = self.rnd
        days = rnd.choice([38, 39, 40, 275, 276, 277, *(rnd.randrange(DAYS) for _ in range(6))])
        on = FIRST + timedelta(days=days)
        midnight = datetime(on.year, on.month, on.day, tzinfo=self.zone).astimezone(UTC)
        return midnight + rnd.choice(
            [
                timedelta(0),
                timedelta(microseconds=-1),
                timedelta(seconds=-0.001),
                timedelta(minutes=-30),
                timedelta(seconds=rnd.randrange(86_400)),
            ]
        )

    def _later(self, at: datetime) -> datetime:
        return at + self.rnd.choice(
            [timedelta(0), timedelta(minutes=30), timedelta(days=1), timedelta(days=40)]
        )

    def _owners(self) -> list[Owner]:
        names = self.rnd.sample(["ann", "bob", "cid", "dee"], self.rnd.choice([0, 1, 1, 2, 3]))
        if not names:
            return []
        cuts = sorted(self.rnd.sample(range(1, 10_000), len(names) - 1))
        weights = [b - a for a, b in zip([0, *cuts], [*cuts, 10_000], strict=True)]
        return [Owner(owner_id=n, weight_bp=w) for n, w in zip(names, weights, strict=True)]

    def _dimensions(self) -> Dimensions:
        rnd = self.rnd
        return Dimensions(
            team=rnd.choice(["north", "south", None]),
            channel=rnd.choice(["web", "fair", None]),
            segment=rnd.choice(["large", None]),
            sector=rnd.choice(["retail", "health", None]),
            region=rnd.choice(["Central", "West", None]),
            product=rnd.choice(["p1", "p2", None]),
        )

    def _money(self) -> Money | None:
        luck = self.rnd.random()
        if luck < 0.25:
            return None if luck < 0.15 else self._priced(0)
        return self._priced(self.rnd.randrange(1_000_000))

    def _priced(self, minor: int) -> Money:
        match self.rnd.randrange(6):
            case 0:
                return Money(amount_minor=minor, currency="CNY", rate="0.1387")
            case 1:
                return Money(amount_minor=minor, currency="JPY", rate="0.0067")
            case 2:
                return Money(amount_minor=minor, currency="EUR")
            case _:
                return Money(amount_minor=minor, currency=BASE)


def plain(events: Iterable[Event]) -> list[dict[str, Any]]:
    """The events as JSON would have them, for whoever must not know our classes."""
    return [
        {
            "id": event.id,
            "source": event.source,
            "subject": event.subject,
            "sequence": event.sequence,
            "type": event.type.removeprefix("com.tandem."),
            "time": event.time,
            "recorded": event.recordedtime,
            **msgspec.to_builtins(event.data),
        }
        for event in events
    ]


def shuffled(events: list[Event], seed: int) -> list[list[Event]]:
    """The events in another order, some twice, in batches; partners' streams keep their order,
    as the consumer sees to.
    """
    rnd = random.Random(seed)
    mixed = [*events, *rnd.sample(events, len(events) // 4)]
    rnd.shuffle(mixed)
    streams: dict[tuple[str, str], list[Event]] = {}
    for event in sorted(mixed, key=lambda e: e.sequence):
        streams.setdefault((event.source, event.subject), []).append(event)
    in_order = []
    for event in mixed:
        if event.source in PARTNERS:
            in_order.append(streams[event.source, event.subject].pop(0))
        else:
            in_order.append(event)
    batches: list[list[Event]] = []
    while in_order:
        size = rnd.choice([1, 2, 7, 50])
        batches.append(in_order[:size])
        in_order = in_order[size:]
    return batches
