"""One deal told as it happens: opened, moved, won, and the KPI that is pushed for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from tandem.client import Gateway
from tandem.demo.company import CURRENCY, PIPELINE

PUSH_PATIENCE_SECONDS = 15.0


def live_story(gateway: Gateway, say: Callable[[str], None]) -> None:
    """Open and win one deal while listening to the pushed KPI; tell each step."""
    month = f"{date.today():%Y-%m}"  # noqa: DTZ011  the reader's own month names the story
    customers = gateway.get("/v1/customers", {"limit": 1})["items"]
    people = gateway.get("/v1/people", {"limit": 1})["items"]
    if not customers or not people:
        say("There is no customer yet: import the history first (`tandem demo`).")
        return
    query = {"kpi": "revenue_net", "grain": "month", "period": month}
    with gateway.stream("/v1/kpis/stream", query) as lines:
        pushed = _answers(lines)
        before = next(pushed, None)
        if before is None:
            say("The stream ended before it told a number; try again in a moment.")
            return
        say(f"Net revenue of {month} is {_value(before)}.")
        deal = _open(gateway, customers[0]["id"], people[0]["id"])
        say(f"A deal of 12,345.00 {CURRENCY} was opened ({deal['id']}).")
        won = gateway.command(f"/v1/deals/{deal['id']}/win", {}, version=deal["version"])
        begun = time.monotonic()
        say(f"It was won (version {won['version']}). Waiting for the pushed number …")
        for answer in pushed:
            if _value(answer) != _value(before):
                seconds = time.monotonic() - begun
                say(f"Net revenue of {month} is {_value(answer)} ({seconds * 1000:.0f} ms later).")
                return
            if time.monotonic() - begun > PUSH_PATIENCE_SECONDS:
                break
    say("No new number came in time; `tandem status` shows who lags.")


def _open(gateway: Gateway, customer_id: str, owner_id: str) -> Any:
    return gateway.post(
        "/v1/deals",
        {
            "pipeline": PIPELINE,
            "customer_id": customer_id,
            "owners": [{"owner_id": owner_id, "weight_bp": 10_000}],
            "amount": {"amount_minor": 1_234_500, "currency": CURRENCY},
        },
    )


def _answers(lines: Iterator[str]) -> Iterator[Any]:
    for line in lines:
        if line.startswith("data:"):
            yield json.loads(line.removeprefix("data:"))


def _value(answer: Any) -> str:
    row = answer["periods"][0]["rows"][0]
    return "unknown" if row["value"] is None else f"{row['value'] / 100:,.2f} {CURRENCY}"
