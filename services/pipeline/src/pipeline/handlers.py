"""What this service does when it hears of customers and leads.

Invariant: applying a batch twice, or in other batches, leaves the same rows: a
customer keeps its newest dimensions, and a lead opens at most one deal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chassis.clock import Clock
from chassis.errors import Refusal
from chassis.resources import Resources
from events import (
    Connection,
    Consumer,
    Event,
    Received,
    Unprocessable,
    append_asyncpg,
    open_log,
    uuid7,
)
from events.money import Money
from events.types import Dimensions, Owner
from events.types.customer import (
    CustomerProfileChanged,
    CustomerRegistered,
    DealRequest,
    LeadCaptured,
    LeadConverted,
    LeadState,
)
from events.types.pipeline import LeadOrigin
from pipeline.domain.deal import Deal
from pipeline.domain.occasion import Occasion
from pipeline.domain.pipeline import WHOLE_BP
from pipeline.domain.record import Details, Opening
from pipeline.domain.revision import Revision
from pipeline.store import deals, known
from pipeline.store.references import Known, Wanted, look_up

TOPICS: Final = ("customer",)
BY: Final = "lead-conversion"
"""The actor in the history of deals that conversions open."""
STANDARD: Final = "standard"


class CustomerHandler:
    """Applies events of the topic `customer` in the consumer's transaction."""

    def __init__(self, *, clock: Clock, source: str, base_currency: str) -> None:
        self._clock = clock
        self._source = source
        self._base_currency = base_currency

    async def __call__(self, connection: Connection, received: Sequence[Received]) -> None:
        await self._keep_neighbours(connection, received)
        requests = [
            (item, item.event.data, item.event.data.deal)
            for item in received
            if isinstance(item.event.data, LeadConverted) and item.event.data.deal is not None
        ]
        if requests:
            await self._open_deals(connection, requests)

    async def _keep_neighbours(self, connection: Connection, received: Sequence[Received]) -> None:
        customers: dict[str, tuple[int, Dimensions]] = {}
        leads: dict[str, LeadOrigin] = {}
        for item in received:
            match item.event.data:
                case CustomerRegistered(customer=state) | CustomerProfileChanged(customer=state):
                    dimensions = Dimensions(
                        channel=state.channel,
                        segment=state.segment,
                        sector=state.sector,
                        region=state.region,
                    )
                    customers[state.customer_id] = (item.event.sequence, dimensions)
                case LeadCaptured(lead=lead):
                    leads[lead.lead_id] = origin_of(lead)
        await known.put_customers(connection, customers)
        await known.put_leads(connection, leads)

    async def _open_deals(
        self,
        connection: Connection,
        requests: Sequence[tuple[Received, LeadConverted, DealRequest]],
    ) -> None:
        await deals.open_one_at_a_time(connection)
        taken = await deals.leads_with_deals(
            connection, [converted.lead.lead_id for _, converted, _ in requests]
        )
        around = await look_up(connection, _wanted(requests))
        opened: list[Revision] = []
        for item, converted, request in requests:
            _expect_customer(around, converted.lead)
            if converted.lead.lead_id in taken:
                continue
            taken.add(converted.lead.lead_id)
            opened.append(self._open(item, converted.lead, request, around=around))
        recorded_at = self._clock.now()
        await deals.write(connection.fetchval, opened, recorded_at=recorded_at)
        await append_asyncpg(
            connection,
            [
                Event.of(
                    revision.event,
                    source=self._source,
                    sequence=revision.after.version,
                    occurred_at=revision.after.changed_at,
                    recorded_at=recorded_at,
                )
                for revision in opened
            ],
        )

    def _open(
        self, item: Received, lead: LeadState, request: DealRequest, *, around: Known
    ) -> Revision:
        code = request.pipeline or STANDARD
        pipeline = next((one for one in around.pipelines if one.code == code), None)
        if pipeline is None:
            raise Unprocessable(
                item, f"there is no pipeline {code}", hint="add the pipeline, then release"
            )
        on = Occasion(at=item.event.time, by=BY, around=around.around)
        opening = self._opening(lead, request, around)
        try:
            deal, event = Deal.open(uuid7(), opening, pipeline=pipeline, on=on)
        except Refusal as refusal:
            raise Unprocessable(item, str(refusal), hint=refusal.hint or "") from refusal
        return Revision(before=None, after=deal, event=event, by=BY)

    def _opening(self, lead: LeadState, request: DealRequest, around: Known) -> Opening:
        product = next(
            (one for one in around.products if one.code == lead.dimensions.product), None
        )
        amount = None
        if request.amount_minor is not None:
            currency = request.currency or self._base_currency
            amount = Money(amount_minor=request.amount_minor, currency=currency)
        owners = (
            () if lead.owner_id is None else (Owner(owner_id=lead.owner_id, weight_bp=WHOLE_BP),)
        )
        return Opening(
            details=Details(
                customer_id=lead.customer_id,
                product=lead.dimensions.product,
                list_value=None if product is None else product.list_price,
            ),
            amount=amount,
            owners=owners,
            team=lead.dimensions.team,
            lead=around.leads.get(lead.lead_id) or origin_of(lead),
        )


def _expect_customer(around: Known, lead: LeadState) -> None:
    """A conversion's customer may be heard of later (another partition): as the lead was."""
    if lead.customer_id is not None and lead.customer_id not in around.customers:
        of_lead = lead.dimensions
        around.customers[lead.customer_id] = Dimensions(
            channel=of_lead.channel,
            segment=of_lead.segment,
            sector=of_lead.sector,
            region=of_lead.region,
        )


def origin_of(lead: LeadState) -> LeadOrigin:
    """The lead as deals remember it: as it was captured, whatever is corrected later.

    KPIs count the lead itself so, too; a rate's two parts must agree.
    """
    return LeadOrigin(
        lead_id=lead.lead_id,
        captured_at=lead.captured_at,
        owner_id=lead.owner_id,
        dimensions=lead.dimensions,
    )


async def consume(resources: Resources) -> None:
    """Follow the customer service until the process is told to stop."""
    settings = resources.settings
    async with open_log(settings.event_log) as log:
        handler = CustomerHandler(
            clock=resources.clock,
            source=settings.event_source,
            base_currency=settings.base_currency,
        )

        async def handle(connection: Connection, received: Sequence[Received]) -> None:
            await handler(connection, received)
            # A moment before the commit, which does no harm: whoever is rung looks repeatedly.
            resources.doorbell.ring()

        consumer = Consumer(
            log,
            resources.database.pool,
            name=settings.service,
            topics=TOPICS,
            handler=handle,
            observer=resources.telemetry.observer,
        )
        await consumer.run(resources.stopping)


def _wanted(requests: Sequence[tuple[Received, LeadConverted, DealRequest]]) -> Wanted:
    wanted = Wanted()
    for _, converted, request in requests:
        lead = converted.lead
        wanted.pipelines.add(request.pipeline or STANDARD)
        wanted.leads.add(lead.lead_id)
        for names, name in (
            (wanted.customers, lead.customer_id),
            (wanted.teams, lead.dimensions.team),
            (wanted.products, lead.dimensions.product),
        ):
            if name is not None:
                names.add(name)
    return wanted
