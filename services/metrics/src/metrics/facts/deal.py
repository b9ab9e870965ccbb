"""Deals: when they were created, what they were worth while open, how they ended.

Restated view: a reopened deal's closing never was, a deleted deal counts nowhere,
and only the last episode is won or lost. Cuts are those in force on the moment's
own day; the amount of a sale is the last one known, so that a correction after
the closing corrects the sale.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from events.types import UNKNOWN
from events.types.partner import PaymentRefunded
from events.types.pipeline import (
    DealCreated,
    DealLost,
    DealState,
    DealStatus,
    DealWon,
    LostReason,
)
from metrics.engine.company import Company, micros_of
from metrics.engine.dimension import NUMBERS, Cut, Member
from metrics.engine.entry import Entry
from metrics.engine.fact import Ref, Report, ReportingKind
from metrics.engine.moment import Moment, MomentKind
from metrics.facts.buyer.records import Dealt, buyer_cut, buyer_key, to_buyer
from metrics.facts.lead import LEAD_CONVERTED, LEAD_CONVERTED_SOON, LEAD_EARNED
from metrics.facts.origin import Origin, origin_moments, origin_of
from metrics.facts.sale import (
    SALE_DIMENSIONS,
    SALE_REFUNDED,
    UNKNOWN_SALE,
    Amount,
    Refunds,
    amount_of,
    fully_refunded,
    net_of,
    refund_moments,
    with_refund,
)
from metrics.facts.stages import (
    DEAL_EXPECTED,
    STAGE_LOST,
    STAGE_WON,
    Span,
    Stage,
    expected_moments,
    furthest_step,
    stage_moments,
    with_stage,
)

DEAL_CREATED: Final = MomentKind(
    name="deal.created", cube="deal", dimensions=SALE_DIMENSIONS, events=(DealCreated,)
)
"""Its bin is the furthest step that the deal reached in time (see `furthest_step`)."""
DEAL_OPEN: Final = MomentKind(
    name="deal.open", cube="deal", dimensions=SALE_DIMENSIONS, stock=True, events=(DealCreated,)
)
"""Its bin is the day of the first contact, from which an open deal's age is counted."""
DEAL_WON: Final = MomentKind(
    name="deal.won", cube="deal", dimensions=SALE_DIMENSIONS, events=(DealWon,)
)
"""Its bin is the sales cycle in local days, from the first contact."""
DEAL_LOST: Final = MomentKind(
    name="deal.lost", cube="deal", dimensions=(*SALE_DIMENSIONS, "reason"), events=(DealLost,)
)
_SAID: Final = (
    *(DEAL_CREATED, DEAL_OPEN, DEAL_WON, DEAL_LOST),
    *(DEAL_EXPECTED, STAGE_WON, STAGE_LOST),
    *(LEAD_CONVERTED, LEAD_CONVERTED_SOON, LEAD_EARNED, SALE_REFUNDED),
)
_LONG_AGO: Final = -(2**62)
_REASON: Final = NUMBERS["reason"] - 1


class Deal(msgspec.Struct, frozen=True, array_like=True):
    """A deal as far as KPIs need it. Instants are microseconds since 1970."""

    status: DealStatus = "open"
    created: int = 0
    closed: int | None = None
    amount: Amount | None = None
    spans: tuple[Span, ...] = ()
    origin: Origin | None = None
    refunds: Refunds = {}
    clock: int = _LONG_AGO
    """The latest instant said by an event: the next change is no earlier."""
    buyer: str | None = None
    """Key of the customer's buyer."""
    stages: tuple[Stage, ...] = ()
    lost_because: LostReason | None = None
    listed: int | None = None
    """What it would cost without a discount, in base minor units."""

    @property
    def first_contact(self) -> int:
        return self.created if self.origin is None else self.origin.captured

    def cut_at(self, instant: int) -> Cut:
        """The cut in force at an instant; before the first span, that of the first."""
        cut = self.spans[0].cut
        for span in self.spans[1:]:
            if span.since > instant:
                break
            cut = span.cut
        return cut


class DealKind(ReportingKind[Deal]):
    """See `FactKind`."""

    name = "deal"
    empty = Deal()

    def says(self, kind: MomentKind) -> bool:
        return kind in _SAID

    def apply(self, state: Deal, entry: Entry, /, *, key: str, company: Company) -> Deal:
        data: Any = entry.data
        if isinstance(data, PaymentRefunded):
            refunds = with_refund(state.refunds, entry, sale=Ref("deal", key), company=company)
            return msgspec.structs.replace(state, refunds=refunds)
        deal: DealState = data.deal
        closed = None
        if deal.status in ("won", "lost"):
            closed = entry.occurred if deal.closed_at is None else micros_of(deal.closed_at)
        amount, listed = (amount_of(money, company) for money in (deal.amount, deal.list_value))
        created = micros_of(deal.created_at)
        # A clock that was set back must not reorder what the sequence orders.
        clock = max(entry.occurred, state.clock)
        at = clock if state.spans else created
        return Deal(
            deal.status,
            created,
            closed,
            amount,
            _spans(state.spans, deal, amount, at=at),
            origin_of(deal),
            state.refunds,
            clock,
            _buyer_of(deal, source=entry.source),
            with_stage(state.stages, deal, at=at),
            data.reason if isinstance(data, DealLost) else state.lost_because,
            None if listed is None else listed.base,
        )

    def reports(self, state: Deal, /, *, key: str) -> list[Report]:
        if state.status == "deleted" or not state.spans:
            return []
        own = Ref("deal", key)
        cut = state.spans[-1].cut if state.closed is None else state.cut_at(state.closed)
        last = state.spans[-1].cut
        today = None if last == cut else buyer_cut(last)
        told = Dealt(state.created, state.closed, won=False, cut=buyer_cut(cut), today=today)
        if state.status == "won":
            amount, refunds = state.amount, state.refunds
            told = msgspec.structs.replace(
                told,
                won=True,
                base=None if amount is None else amount.base,
                net=net_of(amount, refunds),
                kept=not fully_refunded(amount, refunds),
                listed=state.listed,
            )
        return [to_buyer(state.buyer, own, told)]

    def moments(self, state: Deal, company: Company, /) -> list[Moment]:
        if state.status == "deleted":
            return []
        if not state.spans:
            return refund_moments(state.refunds, cut=UNKNOWN_SALE, company=company)
        day = company.day
        created, closed = state.created, state.closed
        step = furthest_step(
            state.stages, created=created, won=closed if state.status == "won" else None
        )
        said = [Moment(DEAL_CREATED, day(created), state.spans[0].cut, bin=step)]
        said += _open_moments(state, company)
        said += expected_moments(
            state.stages, state.spans, created=created, closed=closed, company=company
        )
        cut = state.spans[-1].cut
        if closed is not None:
            cut = state.cut_at(closed)
            said += _closing_moments(state, cut, company)
        if state.refunds:
            said += refund_moments(state.refunds, cut=cut, company=company)
        return said

    def problems(self, state: Deal, /) -> tuple[str, ...]:
        found = []
        if state.closed is not None and state.closed < state.created:
            found.append("closed_before_created")
        if (
            state.status == "won"
            and state.closed is not None
            and state.closed < state.first_contact
        ):
            found.append("won_before_first_contact")
        if state.refunds and (state.status != "won" or not state.spans):
            found.append("refund_without_sale")
        return tuple(found)


def _spans(
    spans: tuple[Span, ...], deal: DealState, amount: Amount | None, *, at: int
) -> tuple[Span, ...]:
    cut = _cut_of(deal)
    if spans and (spans[-1].amount, spans[-1].cut) == (amount, cut):
        return spans
    return (*spans, Span(at, amount, cut))


def _cut_of(deal: DealState) -> Cut:
    """Written out in the order of DIMENSIONS, since it runs for every event."""
    dimensions = deal.dimensions
    return (
        _owners_of(deal),
        dimensions.team or UNKNOWN,
        dimensions.channel or UNKNOWN,
        dimensions.segment or UNKNOWN,
        dimensions.sector or UNKNOWN,
        dimensions.region or UNKNOWN,
        dimensions.product or UNKNOWN,
        deal.pipeline,
        None,
        None,
        None,
    )


def _buyer_of(deal: DealState, *, source: str) -> str | None:
    return None if deal.customer_id is None else buyer_key(deal.customer_id, source=source)


def _owners_of(deal: DealState) -> Member:
    owners = deal.owners
    if not owners:
        return UNKNOWN
    if len(owners) == 1:
        return owners[0].owner_id
    return tuple(sorted((owner.owner_id, owner.weight_bp) for owner in owners))


def _open_moments(state: Deal, company: Company) -> list[Moment]:
    """For each span in which the deal was open: it came, and unless it still is, it left."""
    end, contact = state.closed, company.day(state.first_contact)
    open_spans = [s for s in state.spans if end is None or max(s.since, state.created) < end]
    said = []
    for place, span in enumerate(open_spans):
        since = company.day(max(span.since, state.created))
        said.append(Moment(DEAL_OPEN, since, span.cut, 1, span.base, contact))
        following = open_spans[place + 1 : place + 2]
        until = max(following[0].since, state.created) if following else end
        if until is not None:
            said.append(Moment(DEAL_OPEN, company.day(until), span.cut, -1, span.base, contact))
    return said


def _closing_moments(state: Deal, cut: Cut, company: Company) -> list[Moment]:
    assert state.closed is not None
    on = company.day(state.closed)
    won = state.status == "won"
    stages = stage_moments(state.stages, on=on, won=won)
    if not won:
        because = (*cut[:_REASON], state.lost_because or UNKNOWN, *cut[_REASON + 1 :])
        return [Moment(DEAL_LOST, on, because), *stages]
    base = None if state.amount is None else state.amount.base
    in_order = state.first_contact <= state.closed
    cycle = on - company.day(state.first_contact) if in_order else None
    said = [Moment(DEAL_WON, on, cut, 1, base, cycle), *stages]
    origin = state.origin
    if origin is not None:
        said += origin_moments(
            origin, state.closed, amount=state.amount, refunds=state.refunds, company=company
        )
    return said
