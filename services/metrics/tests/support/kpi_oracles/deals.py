"""Deals and orders, what was paid back of them, and the leads that they convert."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from kpi_oracles.books import Atom, Books, Cut, Json, Stream, at, cut_of


@dataclass
class Sales:
    """What became of deals, and orders."""

    won: list[Atom] = field(default_factory=list)
    lost: list[Atom] = field(default_factory=list)
    created: list[Atom] = field(default_factory=list)
    refunds: list[Atom] = field(default_factory=list)
    orders: list[Atom] = field(default_factory=list)
    converted: list[Atom] = field(default_factory=list)
    earned: list[Atom] = field(default_factory=list)
    """What sales left, on the day on which the lead before them was captured."""


def sales_of(books: Books) -> Sales:
    sales = Sales()
    refunded = refunds_by_sale(books)
    for stream in books.streams("pipeline.deal."):
        source, deal_id = stream[0]["source"], stream[0]["deal"]["deal_id"]
        sale = ("deal", "") if source.startswith("/tandem/") else ("partner_deal", source)
        _read_deal(books, sales, stream, refunded.pop((*sale, deal_id), []))
    for stream in books.streams("partner.order.paid"):
        order = stream[-1]
        refunds = refunded.pop(("order", order["source"], order["order_id"]), [])
        _read_order(books, sales, order, refunds)
    for orphans in refunded.values():
        _read_refunds(books, sales, orphans, cut_of({}, owner=None, pipeline=None))
    return sales


def refunds_by_sale(books: Books) -> dict[tuple[str, str, str], list[Json]]:
    """The last word of each refund, by what it names: kind, source (of a partner's), id."""
    refunded: dict[tuple[str, str, str], list[Json]] = defaultdict(list)
    for stream in books.streams("partner.payment.refunded"):
        last = stream[-1]
        owner = "" if last["source_type"] == "deal" else last["source"]
        refunded[last["source_type"], owner, last["source_id"]].append(last)
    return refunded


def _read_deal(books: Books, sales: Sales, stream: Stream, refunds: list[Json]) -> None:
    deal = stream[-1]["deal"]
    if deal["status"] == "deleted":
        return
    created_on = books.day(deal["created_at"])
    sales.created.append(Atom(created_on, deal_cut(stream[0]["deal"])))
    cut = deal_cut(deal)
    if deal["status"] != "open":
        cut = deal_cut(state_at(stream, at(deal["closed_at"]))) | {"reason": _reason_of(stream)}
        _read_closing(books, sales, deal, cut, refunds)
    _read_refunds(books, sales, refunds, cut)


def _read_closing(books: Books, sales: Sales, deal: Json, cut: Cut, refunds: list[Json]) -> None:
    closed = at(deal["closed_at"])
    on = books.local(closed)
    if deal["status"] == "lost":
        sales.lost.append(Atom(on, cut))
        return
    lead = deal.get("lead")
    first = at(lead["captured_at"] if lead else deal["created_at"])
    days = (on - books.local(first)).days if first <= closed else None
    sales.won.append(Atom(on, cut, books.money(deal.get("amount")), days))
    if lead and timedelta(0) <= closed - first < timedelta(days=365):
        worth = books.money(deal.get("amount"))
        back = sum(books.money(refund["amount"]) or 0 for refund in refunds)
        left = None if worth is None else worth - back
        sales.earned.append(Atom(books.local(first), lead_cut(lead), left))
    in_time = timedelta(0) <= closed - first < timedelta(days=90)
    if lead and in_time and not all_back(books, deal.get("amount"), refunds):
        sales.converted.append(Atom(books.local(first), lead_cut(lead)))


def _reason_of(stream: Stream) -> list[tuple[str, int]]:
    reasons = [event["reason"] for event in stream if event["type"] == "pipeline.deal.lost.v1"]
    return [(reasons[-1] if reasons else "unknown", 1)]


def all_back(books: Books, amount: Json | None, refunds: list[Json]) -> bool:
    if not amount or not refunds:
        return False
    if {refund["amount"]["currency"] for refund in refunds} == {amount["currency"]}:
        back = sum(refund["amount"]["amount_minor"] for refund in refunds)
        return bool(back >= amount["amount_minor"])
    priced = [books.money(refund["amount"]) for refund in refunds]
    worth = books.money(amount)
    if worth is None or None in priced:
        return False
    return sum(value for value in priced if value is not None) >= worth


def _read_order(books: Books, sales: Sales, order: Json, refunds: list[Json]) -> None:
    cut = cut_of(order, owner=order.get("owner_id"), pipeline=None)
    lines: dict[str, int] = defaultdict(int)
    for line in order.get("lines", []):
        lines[line["product"]] += line["amount_minor"]
    if lines:
        cut["product"] = sorted(lines.items())
    sales.orders.append(Atom(books.local(order["time"]), cut, books.money(order["amount"])))
    _read_refunds(books, sales, refunds, cut)


def _read_refunds(books: Books, sales: Sales, refunds: list[Json], cut: Cut) -> None:
    for refund in refunds:
        on = books.local(refund["time"])
        sales.refunds.append(Atom(on, cut, books.money(refund["amount"])))


def open_at_end(books: Books, on: date) -> list[Atom]:
    """The deals that are open when the day ends, as the deals are known today."""
    stocks = books.sorted_out(_stocks)
    if on not in stocks:
        stocks[on] = _count_stock(books, on)
    return stocks[on]


def _stocks(_books: Books) -> dict[date, list[Atom]]:
    return {}


def _count_stock(books: Books, on: date) -> list[Atom]:
    found = []
    for stream in books.streams("pipeline.deal."):
        deal = stream[-1]["deal"]
        if deal["status"] == "deleted" or books.day(deal["created_at"]) > on:
            continue
        if deal["status"] != "open" and books.day(deal["closed_at"]) <= on:
            continue
        # The last change that the day has seen; a later number never comes earlier.
        state, clock = stream[0]["deal"], stream[0]["time"]
        for event in stream[1:]:
            clock = max(clock, event["time"])
            if books.local(clock) <= on:
                state = event["deal"]
        found.append(Atom(on, deal_cut(state), books.money(state.get("amount"))))
    return found


def state_at(stream: Stream, instant: datetime) -> Json:
    """The deal as it was at an instant; the first state before that."""
    state, clock = stream[0]["deal"], stream[0]["time"]
    for event in stream[1:]:
        clock = max(clock, event["time"])
        if clock <= instant:
            state = event["deal"]
    return dict(state)


def deal_cut(deal: Json) -> Cut:
    cut = cut_of(deal, pipeline=deal["pipeline"])
    owners = sorted((o["owner_id"], o["weight_bp"]) for o in deal.get("owners", []))
    return cut | {"owner": owners or [("unknown", 1)]}


def lead_cut(lead: Json) -> Cut:
    return cut_of(lead, owner=lead.get("owner_id"))
