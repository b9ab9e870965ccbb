"""The oracle: folds the ledger with a pencil, sharing no line with the product's engine.

An unknown command is the last one of its aggregate (the driver lets go of it), so that the
version of the row says whether it was done. Then row, log and figures have to agree that it was
done whole, or not at all.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from faults.harness.ledger import Entry, Ledger

Figures = dict[tuple[str, str, str], int]
"""(KPI, member, part) to number; what is zero is left out."""


@dataclass(frozen=True)
class Row:
    """What a service's database says of an aggregate; a partner's has a sequence for a version."""

    source: str
    reference: str
    subject: str
    version: int


Rows = Mapping[str, Row]
"""By the reference that the driver gave."""


class Disagreement(AssertionError):
    """What was acknowledged and what is there are not the same."""


def done(ledger: Ledger, rows: Rows) -> dict[str, list[Entry]]:
    """The commands of each aggregate that took place. Raises Disagreement."""
    found: dict[str, list[Entry]] = {}
    for reference, entries in ledger.by_aggregate():
        version = rows[reference].version if reference in rows else 0
        acknowledged = sum(entry.outcome == "acknowledged" for entry in entries)
        if not acknowledged <= version <= len(entries):
            raise Disagreement(
                f"{reference}: {acknowledged} commands are acknowledged and "
                f"{len(entries) - acknowledged} unknown, but its row has version {version}"
            )
        if version:
            found[reference] = entries[:version]
    strangers = [reference for reference in rows if reference not in found]
    if strangers:
        raise Disagreement(f"there are rows that nobody asked for: {strangers[:5]}")
    return found


@dataclass
class Deal:
    product: str = ""
    amount: int = 0
    status: str = "open"


@dataclass
class Order:
    product: str = ""
    paid: list[int | None] = field(default_factory=list)
    """The amounts of its versions, None for one that is voided; the last that stands counts."""

    @property
    def amount(self) -> int | None:
        return next((amount for amount in reversed(self.paid) if amount is not None), None)


@dataclass
class Cost:
    process: str = ""
    amount: int | None = None


def figures(lives: Mapping[str, Sequence[Entry]]) -> Figures:
    """What the KPIs have to say of these commands, by product and by process."""
    counted: Counter[tuple[str, str, str]] = Counter()
    for entries in lives.values():
        for kpi, member, part, number in _counts(entries):
            counted[kpi, member, part] += number
    return {key: number for key, number in counted.items() if number}


def _counts(entries: Sequence[Entry]) -> Iterator[tuple[str, str, str, int]]:
    first = entries[0].command
    if first == "open":
        yield from _of_deal(_deal(entries))
    elif first == "pay":
        order = _order(entries)
        if order.amount is not None:
            yield "revenue_net", order.product, "value", order.amount
            yield "revenue_net", order.product, "n", 1
    elif first == "record":
        cost = _cost(entries)
        if cost.amount is not None:
            yield "operating_cost", cost.process, "value", cost.amount
            yield "operating_cost", cost.process, "n", 1
    elif first == "capture":
        yield "lead_conversion", entries[0].says["product"], "denominator", 1


def _of_deal(deal: Deal) -> Iterator[tuple[str, str, str, int]]:
    product = deal.product
    if deal.status == "deleted":
        return
    yield "decision_rate", product, "denominator", 1
    if deal.status == "open":
        yield "pipeline_open", product, "value", deal.amount
        yield "pipeline_open", product, "n", 1
        return
    yield "decision_rate", product, "numerator", 1
    yield "win_rate", product, "denominator", 1
    if deal.status == "won":
        yield "win_rate", product, "numerator", 1
        yield "revenue_net", product, "value", deal.amount
        yield "revenue_net", product, "n", 1
        yield "avg_deal_value", product, "numerator", deal.amount
        yield "avg_deal_value", product, "denominator", 1


_STATUS: Final = {"win": "won", "lose": "lost", "reopen": "open", "delete": "deleted"}


def _deal(entries: Sequence[Entry]) -> Deal:
    deal = Deal(product=entries[0].says["product"])
    for entry in entries:
        deal.amount = entry.says.get("amount", deal.amount)
        deal.status = _STATUS.get(entry.command, deal.status)
    return deal


def _order(entries: Sequence[Entry]) -> Order:
    order = Order(product=entries[0].says["product"])
    for entry in entries:
        if entry.command == "pay":
            order.paid.append(entry.says["amount"])
        else:
            order.paid[entry.says["voided"] - 1] = None
    return order


def _cost(entries: Sequence[Entry]) -> Cost:
    cost = Cost(process=entries[0].says["process"])
    for entry in entries:
        cost.amount = None if entry.command == "void" else entry.says.get("amount", cost.amount)
    return cost


PARTS: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    "revenue_net": ("product", ("value", "n")),
    "win_rate": ("product", ("numerator", "denominator")),
    "decision_rate": ("product", ("numerator", "denominator")),
    "avg_deal_value": ("product", ("numerator", "denominator")),
    "pipeline_open": ("product", ("value", "n")),
    "lead_conversion": ("product", ("numerator", "denominator")),
    "operating_cost": ("process", ("value", "n")),
}
"""The KPIs compared: cut by what, and which of their numbers."""


def differences(expected: Figures, measured: Figures) -> list[str]:
    """One line for each number that is not what it should be."""
    return [
        f"{' '.join(key)}: {measured.get(key, 0)} instead of {expected.get(key, 0)}"
        for key in sorted(expected.keys() | measured.keys())
        if expected.get(key, 0) != measured.get(key, 0)
    ]
