"""Targets and the like: which of them an answer is measured against."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from kpi_oracles.books import Ask, Books

Scope = tuple[str | None, ...]
"""Where a goal holds: nowhere in particular (of the company), one dimension with its member, or
two with theirs, the first of the alphabet first.
"""


@dataclass(frozen=True)
class Goal:
    """A number set for a period and a scope; without a value it cannot be compared."""

    where: Scope
    period: str
    value: int | None


def targets_of(books: Books) -> list[tuple[str, Goal]]:
    """The targets that are set, with the KPI that each is for."""
    found = []
    for stream in books.streams("pipeline.target."):
        target = stream[-1]
        scope = None if target["scope"] == "company" else target["scope"]
        value = target.get("value")
        if value is not None:
            comparable = target.get("currency") in (None, books.base)
            where: Scope = (scope, target.get("scope_value"))
            if "second_scope" in target:
                second = (target["second_scope"], target["second_scope_value"])
                pair = sorted([(target["scope"], target["scope_value"]), second])
                where = (*pair[0], *pair[1])
            goal = Goal(where, target["period"], value if comparable else None)
            found.append((target["kpi"], goal))
    return found


def goal_of(books: Books, kpi: str, ask: Ask) -> int | None:
    goals = (goal for of_kpi, goal in books.sorted_out(targets_of) if of_kpi == kpi)
    return measured_against(goals, books, ask)


def measured_against(
    goals: Iterable[Goal], books: Books, ask: Ask, where: Scope | None = None
) -> int | None:
    """The goal of exactly this period and scope: its own, or all of its quarters or months."""
    scope = where or ask.where
    months = (ask.end.year - ask.start.year) * 12 + ask.end.month - ask.start.month
    set_for = [goal for goal in goals if goal.where == scope]
    for length in (12, 3, 1):
        here = [
            goal
            for goal in set_for
            if _length(goal.period) == length
            and ask.start <= _first(goal.period, books.first_month) < ask.end
        ]
        whole = months == length or (months > length and len(here) == months // length)
        values = [goal.value for goal in here if goal.value is not None]
        if here and whole and len(values) == len(here):
            return _to_date(sum(values), books, ask)
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


def _first(period: str, first_month: int) -> date:
    """Of a quarter or a year that of the company's year, which is named after its last day."""
    year, _, rest = period.partition("-")
    if rest and rest[0] != "Q":
        return date(int(year), int(rest), 1)
    month = first_month + (int(rest[1]) * 3 - 3 if rest else 0)
    begun = int(year) - (first_month > 1)
    return date(begun + (month > 12), month - 12 if month > 12 else month, 1)
