"""Reports of markets: revised, contradicting each other, later about another market. Rates."""

from __future__ import annotations

from typing import Any

from events.types.market import FxRatePublished, MarketSizeReported
from kpi_histories.teller import BASE, PARTNERS, Teller


def market(teller: Teller, number: int) -> None:
    rnd, source = teller.rnd, teller.rnd.choice(PARTNERS)
    report_id = f"m{number}" if rnd.random() < 0.6 else teller.shared_id()
    at = teller.instant()
    scope, member, period = _market(teller)
    for _ in range(rnd.choice([1, 2, 3])):
        data = MarketSizeReported(
            report_id=report_id,
            scope=scope,
            scope_value=member,
            period=period,
            size=teller.priced(rnd.randrange(1, 9_000_000)),
            revision=rnd.choice([1, 1, 2, 3]),
        )
        teller.say(data, source, at)
        at = teller.later(at)
        if rnd.random() < 0.4:
            scope, member, period = _market(teller)
    teller.maybe_void(source, report_id)


def rate(teller: Teller, _number: int) -> None:
    """Of a day: amounts keep the rate that they were booked at."""
    rnd, source, at = teller.rnd, teller.rnd.choice(PARTNERS), teller.instant()
    data = FxRatePublished(
        currency=rnd.choice(["CNY", "EUR"]),
        base_currency=BASE,
        rate_on=at.astimezone(teller.zone).date(),
        rate=rnd.choice(["0.2", "1.1"]),
    )
    teller.say(data, source, at)
    teller.maybe_void(source, data.subject)


def _market(teller: Teller) -> tuple[Any, str | None, str]:
    rnd = teller.rnd
    scopes = [("company", None), ("company", None), ("region", "West"), ("product", "p1")]
    scope, member = rnd.choice([*scopes, ("segment", None)])
    return scope, member, rnd.choice(["2024", "2024-Q2", "2024-05", "2024-04", "2024-06"])
