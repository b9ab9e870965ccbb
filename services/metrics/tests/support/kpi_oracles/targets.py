"""Targets: which of them an answer is measured against."""

from __future__ import annotations

from datetime import date, timedelta

from kpi_oracles.books import Ask, Books, Json


def targets_of(books: Books) -> list[Json]:
    return [stream[-1] for stream in books.streams("pipeline.target.")]


def goal_of(books: Books, kpi: str, ask: Ask) -> int | None:
    """The target of exactly this period and scope: its own, or all of its quarters or months."""
    scope, member = ask.where
    months = (ask.end.year - ask.start.year) * 12 + ask.end.month - ask.start.month
    set_for = [
        t
        for t in books.sorted_out(targets_of)
        if t["kpi"] == kpi
        and (t["scope"], t.get("scope_value")) == (scope or "company", member)
        and t.get("value") is not None
    ]
    for length in (12, 3, 1):
        here = [
            t
            for t in set_for
            if _length(t["period"]) == length and ask.start <= _first(t["period"]) < ask.end
        ]
        whole = months == length or (months > length and len(here) == months // length)
        if not here or not whole or any(t.get("currency") not in (None, books.base) for t in here):
            continue
        return _to_date(sum(t["value"] for t in here), books, ask)
    return None


def _to_date(goal: int, books: Books, ask: Ask) -> int:
    today = books.local(ask.now)
    if not ask.start <= today < ask.end - timedelta(days=1):
        return goal
    days = [ask.start + timedelta(days=n) for n in range((ask.end - ask.start).days)]
    working = [day for day in days if day.weekday() < 5]
    return goal * len([day for day in working if day <= today]) // len(working)


def _length(period: str) -> int:
    return 12 if len(period) == 4 else 3 if "Q" in period else 1


def _first(period: str) -> date:
    year, _, rest = period.partition("-")
    month = 1 if not rest else int(rest[1]) * 3 - 2 if rest[0] == "Q" else int(rest)
    return date(int(year), month, 1)
