"""What cpi and spi_t must be: every project looked at anew for the last day of a period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from math import floor

from kpi_oracles.books import Ask, Atom, Books, Cut, Expected, Json, Stream
from kpi_oracles.costs import costs_of
from kpi_oracles.projects import cut_on, planned_in
from kpi_oracles.sums import amount, count, unpriced

DAY = 1_440


@dataclass
class Standing:
    """A project at the end of a day, in minutes and base minor units."""

    cut: Cut
    earned: int | None
    has_budget: bool
    schedule: int
    lasted: int


def cpi(books: Books, ask: Ask) -> Expected:
    projects = [p for p in _standing(books, ask) if p.has_budget]
    earned = [Atom(ask.start, project.cut, project.earned) for project in projects]
    costs = [cost for cost in books.sorted_out(costs_of).of_project if cost.on < ask.end]
    above, below = amount(earned, ask.where), amount(costs, ask.where)
    missing = unpriced(earned, ask.where) + unpriced(costs, ask.where)
    value = Fraction(above, below) if below else None
    return Expected(value, above, below, count(earned, ask.where), missing)


def spi_t(books: Books, ask: Ask) -> Expected:
    projects = _standing(books, ask)
    scheduled = [Atom(ask.start, project.cut, project.schedule) for project in projects]
    lasted = [Atom(ask.start, project.cut, project.lasted) for project in projects]
    above, below = amount(scheduled, ask.where), amount(lasted, ask.where)
    value = Fraction(above, below) if below else None
    return Expected(value, above, below, count(scheduled, ask.where))


def _standing(books: Books, ask: Ask) -> list[Standing]:
    today = books.local(ask.now)
    until = max(ask.start, min(ask.end, today + timedelta(days=1)))
    found = []
    for stream in books.streams("ops.project."):
        planned = planned_in(stream)
        if planned and books.local(planned[0]["time"]) < ask.end:
            found.append(_of_project(books, stream, ask.end - timedelta(days=1), until))
    return found


def _of_project(books: Books, stream: Stream, on: date, until: date) -> Standing:
    first, last = planned_in(stream)[0], stream[-1]["project"]
    start, plan = books.local(first["time"]), first["project"]["baselines"][0]
    planned_days = max(0, (date.fromisoformat(plan["due_on"]) - start).days + 1)
    budgets = [
        baseline["budget"]
        for event in stream
        for baseline in event["project"].get("baselines", [])
        if baseline.get("budget")
    ]
    completed, cancelled = last.get("completed_at"), last.get("cancelled_at")
    ended = completed or cancelled
    end = max(start, books.day(ended)) if ended else None
    if end is not None and end <= on:
        on, until = end, end + timedelta(days=1)
    state = _state_on(books, stream, on)
    worth: Json | None = None
    if budgets:
        worth = {**budgets[0], "amount_minor": _earned(state, budgets[0]["amount_minor"])}
    schedule = _minutes_earned(state, plan, start, planned_days)
    if completed and end == on:
        worth = budgets[0] if budgets else None
        schedule = planned_days * DAY
    lasted = (until - start).days * DAY
    cut = cut_on(books, stream, on)
    return Standing(cut, books.money(worth), bool(budgets), schedule, lasted)


def _state_on(books: Books, stream: Stream, on: date) -> Json:
    """The project as the day's end saw it; the first state before that."""
    state, clock = stream[0]["project"], stream[0]["time"]
    for event in stream[1:]:
        clock = max(clock, event["time"])
        if books.local(clock) <= on:
            state = event["project"]
    return dict(state)


def _earned(state: Json, whole: int) -> int:
    reported: int | None = state.get("earned_value_minor")
    if reported is not None:
        return reported
    return floor(Fraction(whole * state.get("progress_bp", 0), 10_000))


def _minutes_earned(state: Json, plan: Json, start: date, planned_days: int) -> int:
    """When the plan had this much: on a line from point to point, found in fractions of a day."""
    whole = (plan.get("budget") or {}).get("amount_minor", 0)
    if not whole:
        return floor(Fraction(planned_days * DAY * state.get("progress_bp", 0), 10_000))
    earned = _earned(state, whole)
    points = [(Fraction(0), 0)]
    if plan.get("planned_values"):
        due = date.fromisoformat(plan["due_on"])
        told = [(date.fromisoformat(v["on"]), v["value_minor"]) for v in plan["planned_values"]]
        values = sorted(told)
        if values[-1][1] < whole:
            values.append((max(due, values[-1][0]), whole))
        points += [(Fraction(max(0, (on - start).days + 1)), value) for on, value in values]
    else:
        points.append((Fraction(planned_days), whole))
    for (since, before), (until, value) in pairwise(points):
        if value >= earned:
            share = Fraction(earned - before, value - before) if earned > before else Fraction(0)
            return floor(min(since + (until - since) * share, Fraction(planned_days)) * DAY)
    return planned_days * DAY
