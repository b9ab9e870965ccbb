"""Routing: which facts an event belongs to, as a function of the event alone.

Some types of partners' events can change a fact that they do not name: a void says
only which event never happened, and a second refund with the same id may name
another sale than the first (a defect another run, a report another market). Such a
*superseding* event also belongs to the facts that earlier events of its stream belong
to, as far as it can concern them; the store knows those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from events.types import EventData, market, partner, pipeline, process
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
    """The fact that the event is about: mostly the aggregate that its wire type names.

    None for events that are about no fact of their own.
    """
    otherwise = _OTHERWISE.get(type(data))
    if otherwise is not None:
        return otherwise(data, source)
    context, aggregate = data.wire_type.split(".")[2:4]
    return None if context == "kpi" else Ref(aggregate, keyed(source, data.subject))


def _nothing(_data: Any, _source: str) -> None:
    return None


def _sale_paid_back(refund: partner.PaymentRefunded, source: str) -> Ref:
    match refund.source_type:
        case "deal":
            return Ref("deal", refund.source_id)
        case "partner_deal":
            return Ref("deal", keyed(source, refund.source_id))
        case "order":
            return Ref("order", keyed(source, refund.source_id))


def _where_found(defect: process.DefectReported, source: str) -> Ref:
    """A deal's defects are kept, but nothing counts them."""
    if defect.found_in == "deal":
        return Ref("defect", keyed(source, defect.defect_id))
    return Ref(defect.found_in, keyed(source, defect.found_in_id))


def _process(baselined: process.ProcessBaselined, _source: str) -> Ref:
    """Its name is the company's, whoever tells of it."""
    return Ref("process", baselined.process)


def _team(changed: pipeline.TeamChanged, _source: str) -> Ref:
    """Its code is the company's, whoever tells of it."""
    return Ref("team", changed.team)


def _person(changed: pipeline.PersonChanged, _source: str) -> Ref:
    """Owners are called the same by all who name them."""
    return Ref("person", changed.person_id)


def _user(activity: partner.ActivityRecorded, source: str) -> Ref:
    """All activity of a user makes one fact."""
    return Ref("user", keyed(source, activity.user_id))


def _market(report: market.MarketSizeReported, _source: str) -> Ref:
    """There is one market of a scope in a period, however many report of it."""
    return Ref("market", f"{report.scope}/{report.scope_value or ''}/{report.period}")


_OTHERWISE: Final[Mapping[type[EventData], Callable[[Any, str], Ref | None]]] = {
    partner.EventVoided: _nothing,
    partner.PaymentRefunded: _sale_paid_back,
    partner.ActivityRecorded: _user,
    process.DefectReported: _where_found,
    process.ProcessBaselined: _process,
    market.MarketSizeReported: _market,
    pipeline.TeamChanged: _team,
    pipeline.PersonChanged: _person,
}
"""Types that are not about the aggregate in their name."""


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
