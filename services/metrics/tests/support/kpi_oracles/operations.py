"""What the KPIs of operations must be."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from kpi_oracles.books import Ask, Atom, Books, Cut, Expected, Json, Stream, cut_of
from kpi_oracles.sums import amount, count, during, ratio


@dataclass
class Run:
    """A run of a process, or a ticket (then nothing was measured)."""

    on: date
    cut: Cut
    units: int = 1
    minutes: int | None = None
    opportunities: int = 0
    defects: int = 0
    again: bool = False

    @property
    def process(self) -> str:
        return self.cut["process"][0][0]

    def worth(self, whole: int | None = 0) -> Atom:
        return Atom(self.on, self.cut, whole)


def runs_of(books: Books) -> list[Run]:
    defects: dict[tuple[str, str], int] = defaultdict(int)
    for stream in books.streams("ops.defect.reported"):
        last = stream[-1]
        if last["found_in"] == "process_run":
            defects[last["source"], last["found_in_id"]] += 1
    runs = []
    for stream in books.streams("ops.process_run.completed"):
        run = stream[-1]
        runs.append(
            Run(
                on=books.local(run["time"]),
                cut=cut_of(run, ("team", "region"), process=run["process"]),
                units=run.get("units", 1),
                minutes=run["touch_minutes"],
                opportunities=run.get("opportunities", 1),
                defects=defects[run["source"], run["run_id"]],
                again=run.get("reworked", False),
            )
        )
    return [*runs, *_tickets(books)]


def _tickets(books: Books) -> list[Run]:
    found = []
    for stream in books.streams("customer.ticket."):
        ticket = stream[-1]["ticket"]
        if ticket["status"] != "resolved":
            continue
        resolved = ticket.get("resolved_at")
        on = books.day(resolved) if resolved else books.local(stream[-1]["time"])
        again = any(event["type"] == "customer.ticket.reopened.v1" for event in stream)
        cut = cut_of(ticket, ("team", "region"), process="support")
        found.append(Run(on=on, cut=cut, again=again))
    return found


def first_pass_yield(books: Books, ask: Ask) -> Expected:
    runs = books.sorted_out(runs_of)
    good = [run.worth() for run in runs if not run.again and not run.defects]
    above = count(during(good, ask), ask.where)
    return ratio(above, count(during([run.worth() for run in runs], ask), ask.where))


def error_rate(books: Books, ask: Ask) -> Expected:
    runs = [run for run in books.sorted_out(runs_of) if run.minutes is not None]
    above = amount(during([run.worth(run.defects) for run in runs], ask), ask.where)
    chances = during([run.worth(run.opportunities) for run in runs], ask)
    below = amount(chances, ask.where)
    value = Fraction(1_000_000 * above, below) if below else None
    return Expected(value, above, below, count(chances, ask.where))


def utilization(books: Books, ask: Ask) -> Expected:
    logs = [stream[-1] for stream in books.streams("ops.time.logged")]
    logged = during([_worked(log) for log in logs if log["minutes"] is not None], ask)
    productive = [
        _worked(log) for log in logs if log["minutes"] is not None and log.get("productive", True)
    ]
    above = amount(during(productive, ask), ask.where)
    below = logged
    if ask.where[0] not in ("project", "process"):
        below = during(_capacities(books), ask)
    whole = amount(below, ask.where)
    value = Fraction(above, whole) if whole else None
    return Expected(value, above, whole, count(below, ask.where))


def _worked(log: Json) -> Atom:
    cut = cut_of(
        {},
        (),
        owner=log["person_id"],
        team=log.get("team"),
        project=log.get("project_id"),
        process=log.get("process"),
    )
    return Atom(date.fromisoformat(log["work_date"]), cut, log["minutes"])


def _capacities(books: Books) -> list[Atom]:
    found = []
    for stream in books.streams("ops.capacity.set"):
        day = stream[-1]
        minutes = day["available_minutes"] - day.get("leave_minutes", 0)
        cut = cut_of({}, (), owner=day["person_id"], team=day.get("team"))
        if minutes > 0:
            found.append(Atom(date.fromisoformat(day["work_date"]), cut, minutes))
    return found


def time_saved(books: Books, ask: Ask) -> Expected:
    runs = [run for run in books.sorted_out(runs_of) if run.minutes is not None]
    saved, without = [], []
    for run in runs:
        before = baseline_on(books, run.process, run.on, "baseline_minutes")
        if before is None:
            without.append(run.worth())
        else:
            saved.append(run.worth(run.units * before - (run.minutes or 0)))
    here = during(saved, ask)
    minutes, n = amount(here, ask.where), count(here, ask.where)
    missing = count(during(without, ask), ask.where)
    return Expected(Fraction(minutes, 60), minutes, None, n, missing)


def baseline_on(books: Books, process: str, on: date, what: str) -> int | None:
    """What was in force on a day: of the baselines that tell it the one valid last."""
    told: dict[date, list[Json]] = defaultdict(list)
    for stream in books.streams("ops.process.baselined"):
        for valid_from, event in _last_by_day(stream).items():
            if event["process"] == process and valid_from <= on:
                told[valid_from].append(event)
    for valid_from in sorted(told, reverse=True):
        event = max(told[valid_from], key=lambda e: (e["time"], e["source"]))
        if what == "baseline_minutes":
            return int(event[what])
        if event.get(what) is not None:
            return books.money(event[what])
    return None


def _last_by_day(stream: Stream) -> dict[date, Json]:
    return {date.fromisoformat(event["valid_from"]): event for event in stream}
