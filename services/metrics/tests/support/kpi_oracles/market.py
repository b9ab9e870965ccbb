"""What the KPIs of the market must be."""

from __future__ import annotations

from fractions import Fraction

from kpi_oracles.books import Ask, Books, Expected, Json
from kpi_oracles.sales import revenue_net
from kpi_oracles.targets import Goal, measured_against


def markets_of(books: Books) -> list[Goal]:
    """For each scope and period the report that counts, of all that are about it last."""
    reports: dict[tuple[str, str | None, str], list[Json]] = {}
    for stream in books.streams("partner.market.size_reported"):
        about = _market(stream[-1])
        same = [event for event in stream if _market(event) == about]
        best = max(same, key=lambda event: (event.get("revision", 1), event["sequence"]))
        reports.setdefault(about, []).append(best)
    found = []
    for (scope, member, period), told in reports.items():
        if scope != "company" and member is None:
            continue
        last = max(told, key=lambda e: (e.get("revision", 1), e["time"], e["source"], e["subject"]))
        where = (None, None) if scope == "company" else (scope, member)
        found.append(Goal(where, period, books.money(last["size"])))
    return found


def _market(event: Json) -> tuple[str, str | None, str]:
    return event["scope"], event.get("scope_value"), event["period"]


def market_share(books: Books, ask: Ask) -> Expected:
    net = revenue_net(books, ask)
    size = measured_against(books.sorted_out(markets_of), books, ask)
    value = Fraction(int(net.value or 0), size) if size else None
    return Expected(value, net.value, size, net.n, net.unpriced)
