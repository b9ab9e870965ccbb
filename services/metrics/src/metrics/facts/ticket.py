"""Tickets: each is a run of the process `support`, done again when it is reopened.

While a ticket is open again its resolution never was; resolved once more it counts
on the later day.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from events.types import UNKNOWN
from events.types.customer import TicketOpened, TicketReopened, TicketResolved, TicketState
from metrics.engine.company import Company, micros_of
from metrics.engine.dimension import Cut, cut_of
from metrics.engine.entry import Entry
from metrics.engine.moment import Moment, MomentKind
from metrics.facts.process_run import RUN_COMPLETED, RUN_FLAWLESS, RUN_UNITS

SUPPORT: Final = "support"
"""The process that all tickets are runs of."""


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """A ticket as far as KPIs need it. Instants are microseconds since 1970."""

    opened: int = 0
    resolved: int | None = None
    reopened: bool = False
    cut: Cut = ()


class TicketKind:
    """See `FactKind`."""

    name = "ticket"
    empty = Ticket()

    def says(self, kind: MomentKind) -> bool:
        return kind in (RUN_COMPLETED, RUN_FLAWLESS, RUN_UNITS)

    def apply(self, state: Ticket, entry: Entry, /, *, key: str, company: Company) -> Ticket:  # noqa: ARG002 - as FactKind
        data: Any = entry.data
        if not isinstance(data, TicketOpened | TicketResolved | TicketReopened):
            return state
        ticket: TicketState = data.ticket
        resolved = None
        if ticket.status == "resolved":
            at = ticket.resolved_at
            resolved = entry.occurred if at is None else micros_of(at)
        cut = cut_of(
            team=ticket.dimensions.team or UNKNOWN,
            region=ticket.dimensions.region or UNKNOWN,
            process=SUPPORT,
        )
        again = state.reopened or isinstance(data, TicketReopened)
        return Ticket(micros_of(ticket.opened_at), resolved, again, cut)

    def moments(self, state: Ticket, company: Company, /) -> list[Moment]:
        if state.resolved is None:
            return []
        on, cut = company.day(state.resolved), state.cut
        said = [Moment(RUN_COMPLETED, on, cut), Moment(RUN_UNITS, on, cut, 1, 1)]
        if not state.reopened:
            said.append(Moment(RUN_FLAWLESS, on, cut))
        return said

    def problems(self, state: Ticket, /) -> tuple[str, ...]:
        early = state.resolved is not None and state.resolved < state.opened
        return ("resolved_before_opened",) if early else ()
