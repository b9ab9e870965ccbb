"""What the KPIs of leads must be."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from kpi_oracles.books import Ask, Atom, Books, Expected
from kpi_oracles.deals import lead_cut, sales_of
from kpi_oracles.sums import count, during, ratio


def leads_of(books: Books) -> list[Atom]:
    firsts = (stream[0]["lead"] for stream in books.streams("customer.lead."))
    return [Atom(books.day(lead["captured_at"]), lead_cut(lead)) for lead in firsts]


def lead_conversion(books: Books, ask: Ask) -> Expected:
    above = count(during(books.sorted_out(sales_of).converted, ask), ask.where)
    below = count(during(books.sorted_out(leads_of), ask), ask.where)
    if not matured(books, ask, days=90):
        return Expected(None, above, below, below)
    return ratio(above, below)


def matured(books: Books, ask: Ask, *, days: int) -> bool:
    """Whether so many times 24 hours have passed since the period's end."""
    midnight = datetime.combine(ask.end, time(), books.zone).astimezone(UTC)
    return midnight + timedelta(days=days) <= ask.now
