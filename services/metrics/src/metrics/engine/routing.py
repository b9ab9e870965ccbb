"""Routing: which facts an event belongs to, as a function of the event alone.

Two types of partners' events can change a fact that they do not name: a void says
only which event never happened, and a second refund with the same id may name
another sale than the first. Such a *superseding* event also belongs to every fact
that earlier events of its stream belong to; the store knows those.
"""

from __future__ import annotations

from events.types import EventData, partner
from metrics.engine.fact import Ref

OWN_SOURCE = "/tandem/"
"""Prefix of our services' sources; their ids are unique within the company."""

SUPERSEDING = (partner.EventVoided, partner.PaymentRefunded)


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
    context, aggregate = data.wire_type.split(".")[2:4]
    if context == "kpi":
        return None
    return Ref(aggregate, keyed(source, data.subject))


def supersedes(data: EventData, *, sequence: int) -> bool:
    """Whether the event can change facts of earlier events of its stream."""
    return sequence > 1 and isinstance(data, SUPERSEDING)


def keyed(source: str, entity_id: str) -> str:
    """Key of an entity: our own ids stand alone, a partner's are told apart by source."""
    return entity_id if source.startswith(OWN_SOURCE) else f"{source}/{entity_id}"
