"""The sales side of the demo company: leads, customers, deals, orders, refunds, answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from tandem.demo.company import (
    CHANNELS,
    CURRENCY,
    PEOPLE_A_TEAM,
    PIPELINE,
    PRODUCTS,
    REGIONS,
    SECTORS,
    SEGMENTS,
    SURVEYS,
    WEBSHOP,
    Channel,
    Product,
    World,
)
from tandem.demo.partners import Row, market_reports, moment, partner_event


@dataclass(frozen=True)
class Ref:
    """The id that a row of a collection will be given when it is sent."""

    collection: str
    external_ref: str


@dataclass
class SalesHistory:
    """Rows for the imports and events from partners, in the order of their making."""

    customers: list[Row] = field(default_factory=list)
    leads: list[Row] = field(default_factory=list)
    deals: list[Row] = field(default_factory=list)
    partner_events: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class _Lead:
    number: int
    channel: Channel
    product: Product
    region: str
    segment: str
    sector: str
    owner: str
    captured_at: datetime

    @property
    def ref(self) -> str:
        return f"demo-lead-{self.number:05d}"

    @property
    def customer_ref(self) -> str:
        return f"demo-customer-{self.number:05d}"


def sales_history(world: World) -> SalesHistory:
    """Everything that sales did from the world's first day to its last."""
    history = SalesHistory()
    for lead in _leads(world):
        row, converted_at = _lead_row(world, lead)
        history.leads.append(row)
        if converted_at is None:
            continue
        history.customers.append(_customer_row(lead))
        deal = _deal_row(world, lead, converted_at)
        history.deals.append(deal)
        if deal["outcome"] == "won":
            won_on = datetime.fromisoformat(deal["closed_at"]).date()
            history.partner_events += _after_sale(world, lead, won_on)
    history.partner_events += market_reports(world)
    return history


def _leads(world: World) -> Iterator[_Lead]:
    number = 0
    day = world.first_on
    while day <= world.last_on:
        for channel in CHANNELS:
            for _ in range(_poisson(world, world.leads_on(day, channel))):
                number += 1
                yield _lead(world, number, channel=channel, day=day)
        day += timedelta(days=1)


def _poisson(world: World, mean: float) -> int:
    """Knuth's method; the means here are small."""
    count, left = 0, world.random.expovariate(1.0)
    while left < mean:
        count += 1
        left += world.random.expovariate(1.0)
    return count


def _lead(world: World, number: int, *, channel: Channel, day: date) -> _Lead:
    draw = world.random
    region = draw.choice(REGIONS)
    return _Lead(
        number=number,
        channel=channel,
        product=draw.choices(PRODUCTS, [product.share for product in PRODUCTS])[0],
        region=region,
        segment=draw.choices([code for code, _ in SEGMENTS], [share for _, share in SEGMENTS])[0],
        sector=draw.choice(SECTORS),
        owner=f"demo-{region}-{draw.randint(1, PEOPLE_A_TEAM)}",
        captured_at=moment(world, day, hours=(9, 18)),
    )


def _past(world: World, moment: datetime) -> bool:
    return moment.date() <= world.last_on


def _lead_row(world: World, lead: _Lead) -> tuple[Row, datetime | None]:
    """The lead's row, and when it was converted if it was."""
    draw = world.random
    row: Row = {
        "external_ref": lead.ref,
        "name": f"Demo lead {lead.number}",
        "channel": lead.channel.code,
        "owner_id": Ref("people", lead.owner),
        "team": f"team-{lead.region}",
        "region": lead.region,
        "segment": lead.segment,
        "sector": lead.sector,
        "product": lead.product.code,
        "captured_at": lead.captured_at.isoformat(),
    }
    contacted_at = lead.captured_at + timedelta(minutes=draw.expovariate(1 / 240) + 3)
    decided_at = contacted_at + timedelta(hours=draw.uniform(4, 96))
    converted_at = decided_at + timedelta(hours=draw.uniform(1, 48))
    fit = draw.random() < lead.channel.qualified
    if draw.random() < 0.08 or not _past(world, contacted_at):
        return row, None
    row["contacted_at"] = contacted_at.isoformat()
    if not _past(world, decided_at):
        return row, None
    if not fit:
        row["disqualified_at"] = decided_at.isoformat()
        row["disqualified_reason"] = draw.choice(("no_budget", "no_need", "fit"))
        return row, None
    row["qualified_at"] = decided_at.isoformat()
    if not _past(world, converted_at):
        return row, None
    row["converted_at"] = converted_at.isoformat()
    row["customer_id"] = Ref("customers", lead.customer_ref)
    return row, converted_at


def _customer_row(lead: _Lead) -> Row:
    return {
        "external_ref": lead.customer_ref,
        "name": f"Demo customer {lead.number}",
        "segment": lead.segment,
        "sector": lead.sector,
        "region": lead.region,
        "channel": lead.channel.code,
        "owner_id": Ref("people", lead.owner),
        "team": f"team-{lead.region}",
    }


def _deal_row(world: World, lead: _Lead, created_at: datetime) -> Row:
    draw = world.random
    quantity = 1 if lead.product.with_project else max(1, round(draw.lognormvariate(0.4, 0.5)))
    listed = lead.product.price_minor * quantity
    amount = round(listed * (1 - draw.choice((0, 0, 0.05, 0.08, 0.12)))) // 100 * 100
    row: Row = {
        "external_ref": f"demo-deal-{lead.number:05d}",
        "pipeline": PIPELINE,
        "owner_ref": lead.owner,
        "customer_id": Ref("customers", lead.customer_ref),
        "lead_id": Ref("leads", lead.ref),
        "product": lead.product.code,
        "amount": {"amount_minor": amount, "currency": CURRENCY},
        "list_value": {"amount_minor": listed, "currency": CURRENCY},
        "created_at": created_at.isoformat(),
    }
    days = max(2.0, draw.gammavariate(4, lead.product.cycle_days / 4))
    closed_on = (created_at + timedelta(days=days)).date()
    won = draw.random() < lead.channel.won
    if closed_on > world.last_on:
        age = (world.last_on - created_at.date()).days / days
        row |= {"outcome": "open", "stage": ("qualified", "proposal", "negotiation")[int(age * 3)]}
        row["expected_close_on"] = closed_on.isoformat()
        return row
    closed_at = max(moment(world, closed_on, hours=(9, 20)), created_at + timedelta(minutes=1))
    row["closed_at"] = closed_at.isoformat()
    row["outcome"] = row["stage"] = "won" if won else "lost"
    if not won:
        reasons = ("price", "competitor", "no_budget", "no_decision", "service", "fit")
        row["lost_reason"] = draw.choices(reasons, (25, 25, 15, 20, 5, 10))[0]
    return row


def _after_sale(world: World, lead: _Lead, won_on: date) -> Iterator[Row]:
    """Orders that follow a first sale, some refunds, and the answer to the survey."""
    draw = world.random
    if draw.random() < 0.4:
        yield _survey(world, lead, won_on + timedelta(days=draw.randint(2, 10)))
    day = won_on
    while True:
        day += timedelta(days=1 + int(draw.expovariate(1 / 75)))
        if day > world.last_on or draw.random() < 0.12:
            return
        order = _order(world, lead, day)
        yield order
        if draw.random() < 0.03:
            yield from _refund(world, order, day + timedelta(days=draw.randint(3, 20)))


def _order(world: World, lead: _Lead, day: date) -> Row:
    draw = world.random
    quantity = draw.randint(1, 4)
    amount = 18_000 * quantity + draw.randrange(0, 5_000, 50)
    order_id = f"W{draw.getrandbits(40):010X}"
    return partner_event(
        world,
        day,
        source=WEBSHOP,
        kind="com.tandem.partner.order.paid.v1",
        subject=order_id,
        data={
            "order_id": order_id,
            "customer_id": Ref("customers", lead.customer_ref),
            "owner_id": Ref("people", lead.owner),
            "amount": {"amount_minor": amount, "currency": CURRENCY},
            "lines": [{"product": "service-plan", "quantity": quantity, "amount_minor": amount}],
            "dimensions": {
                "team": f"team-{lead.region}",
                "channel": lead.channel.code,
                "segment": lead.segment,
                "sector": lead.sector,
                "region": lead.region,
                "product": "service-plan",
            },
        },
    )


def _refund(world: World, order: Row, day: date) -> Iterator[Row]:
    if day > world.last_on:
        return
    refund_id = f"R{world.random.getrandbits(40):010X}"
    yield partner_event(
        world,
        day,
        source=WEBSHOP,
        kind="com.tandem.partner.payment.refunded.v1",
        subject=refund_id,
        data={
            "refund_id": refund_id,
            "source_type": "order",
            "source_id": order["subject"],
            "amount": order["data"]["amount"],
        },
    )


def _survey(world: World, lead: _Lead, day: date) -> Row:
    survey_id = f"S{world.random.getrandbits(40):010X}"
    return partner_event(
        world,
        min(day, world.last_on),
        source=SURVEYS,
        kind="com.tandem.partner.survey.responded.v1",
        subject=survey_id,
        data={
            "survey_id": survey_id,
            "kind": "csat",
            "score": world.random.choices((1, 2, 3, 4, 5), (3, 5, 14, 40, 38))[0],
            "scale_max": 5,
            "touchpoint": "sales",
            "customer_id": Ref("customers", lead.customer_ref),
            "dimensions": {"team": f"team-{lead.region}", "channel": lead.channel.code},
        },
    )
