"""What the KPIs of projects must be."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from kpi_oracles.books import Ask, Atom, Books, Cut, Expected, Json, Stream, at, cut_of
from kpi_oracles.leads import matured
from kpi_oracles.sums import count, during, ratio, within


@dataclass
class Due:
    """Projects by the day that they were due, and those that were finished by then."""

    all: list[Atom] = field(default_factory=list)
    on_time: list[Atom] = field(default_factory=list)


def project_on_time(books: Books, ask: Ask) -> Expected:
    return _kept(books.sorted_out(due_of), books, ask)


def project_on_time_replanned(books: Books, ask: Ask) -> Expected:
    return _kept(books.sorted_out(due_as_replanned), books, ask)


def _kept(due: Due, books: Books, ask: Ask) -> Expected:
    end = min(ask.end, books.local(ask.now))
    above = count(within(due.on_time, ask.start, end), ask.where)
    return ratio(above, count(within(due.all, ask.start, end), ask.where))


def due_of(books: Books) -> Due:
    return _due_by(books, 0)


def due_as_replanned(books: Books) -> Due:
    return _due_by(books, -1)


def _due_by(books: Books, which: int) -> Due:
    found = Due()
    for stream in books.streams("ops.project."):
        last = stream[-1]["project"]
        planned = planned_in(stream)
        if not planned:
            continue
        due = date.fromisoformat(planned[which]["project"]["baselines"][which]["due_on"])
        cancelled, completed = last.get("cancelled_at"), last.get("completed_at")
        if cancelled and not completed and books.day(cancelled) <= due:
            continue
        cut = cut_on(books, stream, due)
        found.all.append(Atom(due, cut))
        if completed and books.day(completed) <= due:
            found.on_time.append(Atom(due, cut))
    return found


def planned_in(stream: Stream) -> Stream:
    return [event for event in stream if event["project"].get("baselines")]


def cut_on(books: Books, stream: Stream, on: date) -> Cut:
    """As it was when the day ended; the first state before that."""
    state, clock = stream[0]["project"], stream[0]["time"]
    for event in stream[1:]:
        clock = max(clock, event["time"])
        if books.local(clock) <= on:
            state = event["project"]
    members = {"owner": state.get("owner_id"), "project": state["project_id"]}
    return cut_of(state, ("team", "segment", "sector"), **members)


def budgets_of(books: Books) -> list[Atom]:
    """The first budget of each project, a part on each day that some of it falls due."""
    found = []
    for stream in books.streams("ops.project."):
        for event in planned_in(stream):
            if any(baseline.get("budget") for baseline in event["project"]["baselines"]):
                cut: Cut = {"project": [(event["project"]["project_id"], 1)]}
                found += [Atom(on, cut, part) for on, part in _falling_due(books, event).items()]
                break
    return found


def _falling_due(books: Books, event: Json) -> dict[date, int | None]:
    """Spent as planned, else evenly by days, a part at each month's end."""
    baseline = next(b for b in event["project"]["baselines"] if b.get("budget"))
    budget, due = baseline["budget"], date.fromisoformat(baseline["due_on"])
    whole, start = books.money(budget), books.local(event["time"])
    if whole is None:
        return {due: None}
    plan: dict[date, int | None] = {}
    until = 0
    if baseline.get("planned_values"):
        for value in baseline["planned_values"]:
            worth = books.money({**budget, "amount_minor": value["value_minor"]}) or 0
            on = date.fromisoformat(value["on"])
            plan[on] = worth - until
            until = worth
        plan[max(due, on)] = (plan.get(max(due, on)) or 0) + whole - until
        return plan
    if start >= due:
        return {due: whole}
    length, on = (due - start).days + 1, start
    while on <= due:
        if on == due or (on + timedelta(days=1)).day == 1:
            worth = whole * ((on - start).days + 1) // length
            plan[on] = worth - until
            until = worth
        on += timedelta(days=1)
    return plan


def project_acceptance(books: Books, ask: Ask) -> Expected:
    done = books.sorted_out(completed_of)
    above = count(during([atom for atom, good in done if good], ask), ask.where)
    below = count(during([atom for atom, _ in done], ask), ask.where)
    if not matured(books, ask, days=30):
        return Expected(None, above, below, below)
    return ratio(above, below)


def completed_of(books: Books) -> list[tuple[Atom, bool]]:
    """Completed projects, and whether they were accepted at once and stayed sound."""
    critical = [
        stream[-1]
        for stream in books.streams("ops.defect.reported")
        if stream[-1]["found_in"] == "project" and stream[-1]["severity"] == "critical"
    ]
    found = []
    for stream in books.streams("ops.project."):
        project = stream[-1]["project"]
        if not project.get("completed_at"):
            continue
        completed = at(project["completed_at"])
        spoiled = any(
            defect["found_in_id"] == project["project_id"]
            and defect["source"] == stream[-1]["source"]
            and timedelta(0) <= defect["time"] - completed < timedelta(days=30)
            for defect in critical
        )
        atom = Atom(books.local(completed), cut_on(books, stream, books.local(completed)))
        found.append((atom, project.get("accepted_first_time") is True and not spoiled))
    return found
