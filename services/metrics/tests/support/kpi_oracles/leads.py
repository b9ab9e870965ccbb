"""What the KPIs of leads must be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction

from kpi_oracles.books import Ask, Atom, Books, Expected, at
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


def leads_before_any_deal(books: Books, ask: Ask) -> Fraction:
    """Those of the cohort that came before anything was told of deals: what became of them?"""
    deals = (event for event in books.events if event["type"].startswith("pipeline.deal."))
    first = min((books.local(event["time"]) for event in deals), default=ask.end)
    early = replace(ask, end=min(ask.end, first))
    return count(during(books.sorted_out(leads_of), early), ask.where)


def lead_qualification(books: Books, ask: Ask) -> Expected:
    qualified = []
    for stream in books.streams("customer.lead."):
        if stream[-1]["lead"]["status"] in ("qualified", "converted"):
            lead = stream[0]["lead"]
            qualified.append(Atom(books.day(lead["captured_at"]), lead_cut(lead)))
    above = count(during(qualified, ask), ask.where)
    return ratio(above, count(during(books.sorted_out(leads_of), ask), ask.where))


def first_response_min(books: Books, ask: Ask) -> Expected:
    minutes = sorted(minutes_until_answer(books, ask))
    median = minutes[(len(minutes) - 1) // 2] if minutes else None
    return Expected(median, n=len(minutes))


def minutes_until_answer(books: Books, ask: Ask) -> list[int]:
    """Of each lead that was contacted after its capture."""
    found = []
    for stream in books.streams("customer.lead."):
        lead = stream[0]["lead"]
        contacts = [e["time"] for e in stream if e["type"] == "customer.lead.contacted.v1"]
        captured = at(lead["captured_at"])
        atom = Atom(books.local(captured), lead_cut(lead))
        if contacts and contacts[0] >= captured and count(during([atom], ask), ask.where):
            found.append(_working_minutes(books, captured, contacts[0]))
    return found


def _working_minutes(books: Books, start: datetime, end: datetime) -> int:
    """Mondays to Fridays from nine until six, day by day."""
    worked = timedelta(0)
    on = books.local(start)
    while on <= books.local(end):
        if on.weekday() < 5:
            opens, closes = (
                datetime.combine(on, time(hour), books.zone).astimezone(UTC) for hour in (9, 18)
            )
            worked += max(timedelta(0), min(end, closes) - max(start, opens))
        on += timedelta(days=1)
    return worked // timedelta(minutes=1)


def matured(books: Books, ask: Ask, *, days: int) -> bool:
    """Whether so many times 24 hours have passed since the period's end."""
    midnight = datetime.combine(ask.end, time(), books.zone).astimezone(UTC)
    return midnight + timedelta(days=days) <= ask.now
