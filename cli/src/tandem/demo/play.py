"""Sends the demo company's history through the public API. Sending it again changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tandem.demo.company import World, people, products, teams
from tandem.demo.operations import operations_history
from tandem.demo.partners import Row
from tandem.demo.sales import Ref, sales_history
from tandem.importing.event_sender import EventSender
from tandem.importing.patience import PatientGateway
from tandem.importing.rows import Prepared
from tandem.importing.sender import Sender, Tally
from tandem.importing.values import Ids


def play(world: World, gateway: PatientGateway) -> Iterator[Tally]:
    """Send the whole history in an order in which every row finds what it refers to."""
    sender = Sender(gateway)
    sales = sales_history(world)
    operations = operations_history(world, sales)
    for collection, rows in (
        ("teams", teams()),
        ("people", people()),
        ("products", products()),
        ("targets", operations.targets),
        ("customers", sales.customers),
        ("leads", sales.leads),
        ("deals", sales.deals),
        ("projects", operations.projects),
        ("costs", operations.costs),
        ("time-logs", operations.time_logs),
    ):
        prepared = [
            Prepared(collection, number, _resolved(row, sender.ids))
            for number, row in enumerate(rows, start=1)
        ]
        yield sender.send(collection, prepared, [])
    yield _publish(sales.partner_events, gateway, sender.ids)


def _publish(events: Sequence[Row], gateway: PatientGateway, ids: Ids) -> Tally:
    prepared = [
        Prepared("events", number, _resolved(event, ids))
        for number, event in enumerate(events, start=1)
    ]
    return EventSender(gateway).send("events", prepared, [])


def _resolved(value: Any, ids: Ids) -> Any:
    """The value with every Ref replaced by the id that its row was given."""
    if isinstance(value, Ref):
        return ids[value.collection][value.external_ref]
    if isinstance(value, dict):
        return {name: _resolved(part, ids) for name, part in value.items()}
    if isinstance(value, list):
        return [_resolved(part, ids) for part in value]
    return value
