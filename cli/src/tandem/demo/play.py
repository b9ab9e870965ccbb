"""Sends the demo company's history through the public API. Sending it again changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from tandem.demo.company import World, people, products, teams
from tandem.demo.operations import operations_history
from tandem.demo.sales import Ref, Row, sales_history
from tandem.importing.rows import Prepared
from tandem.importing.sender import Sender, Tally
from tandem.importing.table import Refusal

EVENTS_A_REQUEST = 200
_BATCH = "application/cloudevents-batch+json"


class EventPoster(Protocol):
    """What sending partner events needs of the gateway."""

    def post(self, path: str, body: Any, *, content_type: str) -> Any:
        """POST a body of the given type and return the answer's body."""


def play(world: World, sender: Sender, gateway: EventPoster) -> Iterator[Tally]:
    """Send the whole history in an order in which every row finds what it refers to."""
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
    yield _publish(sales.partner_events, sender, gateway)


def _publish(events: Sequence[Row], sender: Sender, gateway: EventPoster) -> Tally:
    tally = Tally("events")
    sender.progress.step_begun("events", len(events))
    for start in range(0, len(events), EVENTS_A_REQUEST):
        batch = [_resolved(event, sender.ids) for event in events[start : start + EVENTS_A_REQUEST]]
        answer = gateway.post("/v1/events", batch, content_type=_BATCH)
        for number, result in enumerate(answer["results"], start=start + 1):
            _count(tally, number, result)
        sender.progress.rows_done(len(batch))
    return tally


def _count(tally: Tally, number: int, result: dict[str, Any]) -> None:
    if result["status"] == "accepted":
        tally.created += 1
    elif result["status"] == "duplicate":
        tally.unchanged += 1
    else:
        problem = result.get("problem") or result
        tally.refusals.append(
            Refusal("events", number, "(event)", str(problem.get("detail")), "see the event")
        )


def _resolved(value: Any, ids: dict[str, dict[str, str]]) -> Any:
    """The value with every Ref replaced by the id that its row was given."""
    if isinstance(value, Ref):
        return ids[value.collection][value.external_ref]
    if isinstance(value, dict):
        return {name: _resolved(part, ids) for name, part in value.items()}
    if isinstance(value, list):
        return [_resolved(part, ids) for part in value]
    return value
