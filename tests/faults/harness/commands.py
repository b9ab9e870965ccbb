"""What can be asked of the product: the lives of aggregates, drawn from a seed.

A life is a generator: it yields its commands one after the other and gets each one's answer. It
ends when the driver closes it, because an outcome is unknown, or when there is nothing left to do.
"""

import random
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal

CURRENCY: Final = "USD"
Method = Literal["POST", "PATCH", "DELETE"]
Answer = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Command:
    """One request. `says` is what the oracle has to know of it.

    `subject` is known beforehand where it is a partner's own.
    """

    name: str
    source: str
    path: str
    body: Mapping[str, Any]
    method: Method = "POST"
    subject: str | None = None
    says: Mapping[str, Any] = field(default_factory=dict)


Life = Generator[Command, Answer, None]


@dataclass(frozen=True)
class Names:
    """Codes that belong to one run alone, so that its figures are nobody else's."""

    run: str
    probes: list[str] = field(default_factory=list)
    """Products of the orders that ask whether the path is open."""

    @property
    def products(self) -> list[str]:
        return [f"{self.run}-a", f"{self.run}-b"]

    @property
    def processes(self) -> list[str]:
        return [f"{self.run}-x", f"{self.run}-y"]

    @property
    def partner(self) -> str:
        return f"/partners/{self.run}"


def money(minor: int) -> dict[str, Any]:
    return {"amount_minor": minor, "currency": CURRENCY}


def amount(draw: random.Random) -> int:
    """Never twice the same in a life, so that a change always is one."""
    return draw.randrange(1, 10**7)


def deal(draw: random.Random, names: Names, reference: str, *, customer: str) -> Life:
    """Opened, changed, moved on, won or lost, now and then reopened or deleted."""

    def about(name: str, body: Mapping[str, Any] | None = None, **says: Any) -> Command:
        path = f"/v1/deals/{deal_id}/{name}"
        return Command(name=name, source="pipeline", path=path, body=body or {}, says=says)

    product, worth = draw.choice(names.products), amount(draw)
    opened = yield Command(
        name="open",
        source="pipeline",
        path="/v1/deals",
        body={
            "external_ref": reference,
            "product": product,
            "customer_id": customer,
            "amount": money(worth),
        },
        says={"product": product, "amount": worth},
    )
    deal_id, stages = opened["id"], ["proposal", "negotiation"]
    while True:
        act = draw.choice(["move", "amount", "win", "win", "lose", "delete"])
        if act == "move" and stages:
            yield about("move", {"stage": stages.pop(0)})
        elif act == "amount":
            worth = amount(draw)
            yield about("amount", {"amount": money(worth)}, amount=worth)
        elif act == "delete" and draw.random() < 0.2:
            path = f"/v1/deals/{deal_id}?reason=mistake"
            yield Command(name="delete", source="pipeline", path=path, body={}, method="DELETE")
            return
        elif act in ("win", "lose"):
            yield about(act, {"reason": "price"} if act == "lose" else None)
            if draw.random() < 0.5:
                return
            yield about("reopen", {"reason": "it was not over"})


def lead(draw: random.Random, names: Names, reference: str) -> Life:
    """Captured, perhaps contacted and qualified, perhaps refused."""
    product = draw.choice(names.products)
    captured = yield Command(
        name="capture",
        source="customer",
        path="/v1/leads",
        body={"external_ref": reference, "product": product},
        says={"product": product},
    )
    for step in draw.choice(
        [["contact", "qualify"], ["contact", "qualify", "disqualify"], ["disqualify"], []]
    ):
        body = {"reason": "no_need"} if step == "disqualify" else {}
        path = f"/v1/leads/{captured['id']}/{step}"
        yield Command(name=step, source="customer", path=path, body=body)


def project(draw: random.Random, names: Names, reference: str) -> Life:
    """Planned, started, watched, perhaps cancelled."""
    planned = yield Command(
        name="plan",
        source="ops",
        path="/v1/projects",
        body={
            "external_ref": reference,
            "name": reference,
            "due_on": (date.today() + timedelta(days=90)).isoformat(),  # noqa: DTZ011 - any day
            "budget": money(amount(draw)),
        },
    )
    for step in ["start", "monitor", *draw.choice([["cancel"], []])]:
        body = {"reason": "not needed"} if step == "cancel" else {}
        path = f"/v1/projects/{planned['id']}/{step}"
        yield Command(name=step, source="ops", path=path, body=body)


def cost(draw: random.Random, names: Names, reference: str) -> Life:
    """Recorded, perhaps corrected, perhaps voided."""
    process, spent = draw.choice(names.processes), amount(draw)
    recorded = yield Command(
        name="record",
        source="ops",
        path="/v1/costs",
        body={
            "external_ref": reference,
            "kind": "operating",
            "amount": money(spent),
            "incurred_on": incurred_on().isoformat(),
            "process": process,
        },
        says={"process": process, "amount": spent},
    )
    path = f"/v1/costs/{recorded['id']}"
    while draw.random() < 0.5:
        spent = amount(draw)
        body = {"amount": money(spent)}
        says = {"amount": spent}
        yield Command(name="correct", source="ops", path=path, body=body, method="PATCH", says=says)
    if draw.random() < 0.3:
        yield Command(name="void", source="ops", path=f"{path}/void", body={"reason": "mistake"})


def incurred_on() -> date:
    """Yesterday in UTC: no time zone's future."""
    return (datetime.now(UTC) - timedelta(days=1)).date()


def order(draw: random.Random, names: Names, reference: str) -> Life:
    """A partner's order: paid, perhaps corrected, perhaps one of its versions voided."""
    product, turns = draw.choice(names.products), draw.choice([1, 1, 2, 3])
    for turn in range(1, turns + 1):
        yield payment(names, reference, product=product, minor=amount(draw), turn=turn)
    if draw.random() < 0.2:
        voided = draw.randint(1, turns)
        data = {"event_id": f"{reference}-{voided}", "reason": "test"}
        body = _event(names, "event.voided", f"{reference}-{turns + 1}", data)
        yield _of_partner(names, "void", reference, body, {"voided": voided})


def payment(names: Names, reference: str, *, product: str, minor: int, turn: int = 1) -> Command:
    """An order is paid, or at a later turn corrected."""
    dimensions = {"product": product}
    data = {"order_id": reference, "amount": money(minor), "dimensions": dimensions}
    body = _event(names, "order.paid", f"{reference}-{turn}", data) | {"subject": reference}
    return _of_partner(names, "pay", reference, body, {"product": product, "amount": minor})


def _event(names: Names, kind: str, event_id: str, data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": names.partner,
        "type": f"com.tandem.partner.{kind}.v1",
        "time": datetime.now(UTC).isoformat(),
        "data": data,
    }


def _of_partner(
    names: Names, name: str, subject: str, body: Mapping[str, Any], says: Mapping[str, Any]
) -> Command:
    return Command(
        name=name, source=names.partner, path="/v1/events", body=body, says=says, subject=subject
    )


Begin = Callable[[random.Random, Names, str], Life]
KINDS: Final[Mapping[str, tuple[Begin, int]]] = {
    "lead": (lead, 2),
    "project": (project, 1),
    "cost": (cost, 2),
    "order": (order, 4),
}
"""How a life begins, and how often beside deals, which need a customer and come as often as all."""
