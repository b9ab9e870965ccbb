"""Routing: which facts an event belongs to, as a function of the event alone.

Some types of partners' events can change a fact that they do not name: a void says
only which event never happened, and a second refund with the same id may name
another sale than the first (a defect another run, a report another market). Such a
*superseding* event also belongs to the facts that earlier events of its stream belong
to, as far as it can concern them; the store knows those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from events.types import EventData, market, partner, process
from metrics.engine.fact import Ref

OWN_SOURCE = "/tandem/"
"""Prefix of our services' sources; their ids are unique within the company."""

SUPERSEDING: Final[Mapping[type[EventData], tuple[str, ...]]] = {
    partner.EventVoided: (),
    partner.PaymentRefunded: ("deal", "order"),
    process.DefectReported: ("process_run", "project"),
    market.MarketSizeReported: ("market",),
}
"""By type the kinds of facts that it can change; a void can change any."""


def route(data: EventData, *, source: str) -> Ref | None:
    """The fact that the event is about: the aggregate that its wire type names.

    None for events that are about no fact of their own.
    """
    match data:
        case partner.EventVoided():
            return None
        case partner.PaymentRefunded(source_type="deal"):
            return Ref("deal", data.source_id)
        case partner.PaymentRefunded(source_type="partner_deal"):
            return Ref("deal", keyed(source, data.source_id))
        case partner.PaymentRefunded():
            return Ref("order", keyed(source, data.source_id))
        case process.DefectReported(found_in="process_run" | "project"):
            return Ref(data.found_in, keyed(source, data.found_in_id))
        case process.ProcessBaselined():
            return Ref("process", data.process)  # a name of the company's, whoever tells of it
        case market.MarketSizeReported():
            return Ref("market", f"{data.scope}/{data.scope_value or ''}/{data.period}")
    context, aggregate = data.wire_type.split(".")[2:4]
    if context == "kpi":
        return None
    return Ref(aggregate, keyed(source, data.subject))


def supersedes(data: EventData, *, sequence: int) -> bool:
    """Whether the event can change facts of earlier events of its stream."""
    return sequence > 1 and type(data) in SUPERSEDING


def concerns(data: EventData, ref: Ref) -> bool:
    """Whether a superseding event can change a fact that its stream has belonged to."""
    kinds = SUPERSEDING[type(data)]
    return not kinds or ref.kind in kinds


def keyed(source: str, entity_id: str) -> str:
    """Key of an entity: our own ids stand alone, a partner's are told apart by source."""
    return entity_id if source.startswith(OWN_SOURCE) else f"{source}/{entity_id}"
