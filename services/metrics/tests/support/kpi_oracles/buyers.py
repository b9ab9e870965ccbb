"""Who bought what, by customer: purchases in order, whatever the customer is called by now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from kpi_oracles.books import Atom, Books, Cut, Json, at, cut_of
from kpi_oracles.deals import all_back, deal_cut, refunds_by_sale, state_at

NAMES = ("owner", "team", "channel", "segment", "region", "product")


@dataclass
class Purchase:
    """A sale of one buyer: `net` without refunds, `kept` unless all of it went back."""

    at: datetime
    name: str
    cut: Cut
    base: int | None
    net: int | None
    kept: bool
    on: date


Buyers = dict[str, list[Purchase]]
NAMELESS = "~"
"""Before the name of the sale, where it names no customer."""


def buyers_of(books: Books) -> Buyers:
    """All purchases of every buyer, the first one first."""
    found: Buyers = defaultdict(list)
    final = final_names(books)
    for customer, purchase in _purchases(books):
        found[final(customer)].append(purchase)
    for purchases in found.values():
        purchases.sort(key=lambda purchase: (purchase.at, purchase.name))
    return found


def kept_of(books: Books) -> list[list[Purchase]]:
    """Of customers: the same without what was paid back whole, and without those who kept
    nothing. Who bought without a name is nobody's customer.
    """
    kept = [
        [p for p in all_ if p.kept]
        for name, all_ in books.sorted_out(buyers_of).items()
        if not name.startswith(NAMELESS)
    ]
    return [purchases for purchases in kept if purchases]


def customer_name(customer: str | None, source: str, *, sale: str) -> str:
    if customer is None:
        return f"{NAMELESS}{sale}"
    try:
        ours = UUID(customer).version == 7
    except ValueError:
        ours = False
    return customer if ours or source.startswith("/tandem/") else f"{source}/{customer}"


def _purchases(books: Books) -> list[tuple[str, Purchase]]:
    found = []
    refunded = refunds_by_sale(books)
    for stream in books.streams("pipeline.deal."):
        deal, source = stream[-1]["deal"], stream[0]["source"]
        if deal["status"] != "won":
            continue
        own = source.startswith("/tandem/")
        key = deal["deal_id"] if own else f"{source}/{deal['deal_id']}"
        refunds = refunded.get(("deal" if own else "partner_deal", "" if own else source,
                                deal["deal_id"]), [])  # fmt: skip
        closed = at(deal["closed_at"])
        cut = deal_cut(state_at(stream, closed))
        name = f"deal/{key}"
        customer = customer_name(deal.get("customer_id"), source, sale=name)
        found.append((customer, _purchase(books, closed, name, deal.get("amount"), refunds, cut)))
    for stream in books.streams("partner.order.paid"):
        order = stream[-1]
        refunds = refunded.get(("order", order["source"], order["order_id"]), [])
        cut = cut_of(order, owner=order.get("owner_id"))
        lines: dict[str, int] = defaultdict(int)
        for line in order.get("lines", []):
            lines[line["product"]] += line["amount_minor"]
        if lines:
            cut["product"] = sorted(lines.items())
        name = f"order/{order['source']}/{order['order_id']}"
        customer = customer_name(order.get("customer_id"), order["source"], sale=name)
        paid = order["time"]
        found.append((customer, _purchase(books, paid, name, order["amount"], refunds, cut)))
    return found


def _purchase(
    books: Books, instant: datetime, name: str, amount: Json | None, refunds: list[Json], cut: Cut
) -> Purchase:
    base = books.money(amount)
    back = sum(books.money(refund["amount"]) or 0 for refund in refunds)
    return Purchase(
        at=instant,
        name=name,
        cut={dimension: cut[dimension] for dimension in NAMES},
        base=base,
        net=None if base is None else base - back,
        kept=not all_back(books, amount, refunds),
        on=books.local(instant),
    )


def final_names(books: Books) -> Callable[[str], str]:
    """What a customer is called after all mergers; a circle of them ends before it closes."""
    merged: dict[str, str] = {}
    for stream in books.streams("customer.customer.merged"):
        last = stream[-1]
        loser, survivor = (
            customer_name(last[who], last["source"], sale="") for who in ("loser_id", "survivor_id")
        )
        if loser != survivor:
            merged[loser] = survivor

    def final(name: str) -> str:
        path = [name]
        while merged.get(path[-1], path[0]) not in path:
            path.append(merged[path[-1]])
        return path[-1]

    return final


def in_base(purchases: list[Purchase], start: date) -> Purchase | None:
    """The last purchase in the 365 days before a period."""
    year = [p for p in purchases if start - timedelta(days=365) <= p.on < start]
    return year[-1] if year else None


def one(purchase: Purchase, amount: int | None = 0) -> Atom:
    return Atom(purchase.on, purchase.cut, amount)
