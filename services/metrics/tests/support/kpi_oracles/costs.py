"""What the KPIs of cost must be."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from kpi_oracles.books import Ask, Atom, Books, Expected, cut_of
from kpi_oracles.buyers import kept_of, one
from kpi_oracles.deals import sales_of
from kpi_oracles.leads import leads_of, matured
from kpi_oracles.operations import baseline_on, runs_of
from kpi_oracles.projects import budgets_of
from kpi_oracles.sums import amount, count, during, unpriced
from kpi_oracles.targets import goal_of


@dataclass
class Costs:
    """What was spent: to run the house, and for projects and campaigns of whatever kind."""

    operating: list[Atom] = field(default_factory=list)
    of_project: list[Atom] = field(default_factory=list)
    of_campaign: list[Atom] = field(default_factory=list)
    acquisition: list[Atom] = field(default_factory=list)


def costs_of(books: Books) -> Costs:
    costs = Costs()
    for stream in books.streams("ops.cost."):
        cost = stream[-1]
        if cost["type"] != "ops.cost.recorded.v1":
            continue
        members = {"project": cost.get("project_id"), "process": cost.get("process")}
        cut = cut_of(cost, ("team", "region"), **members)
        atom = Atom(date.fromisoformat(cost["incurred_on"]), cut, books.money(cost["amount"]))
        if cost["kind"] == "operating":
            costs.operating.append(atom)
        if cost.get("project_id"):
            only = {name: cut[name] for name in ("team", "project")}
            costs.of_project.append(Atom(atom.on, only, atom.amount))
        if cost["kind"] == "acquisition":
            costs.acquisition.append(Atom(atom.on, cut_of(cost.get("aimed_at", cost)), atom.amount))
        if cost.get("campaign_id"):
            costs.of_campaign.append(Atom(atom.on, cut_of(cost.get("aimed_at", cost)), atom.amount))
    spent = _told_by_campaigns(books)
    costs.of_campaign += spent
    costs.acquisition += spent
    return costs


def _told_by_campaigns(books: Books) -> list[Atom]:
    found = []
    for stream in books.streams("ops.campaign.cost_recorded"):
        for told in {event["cost_id"]: event for event in stream}.values():
            cut, on = cut_of(told["campaign"]), date.fromisoformat(told["incurred_on"])
            found.append(Atom(on, cut, books.money(told["amount"])))
    return found


def operating_cost(books: Books, ask: Ask) -> Expected:
    costs = during(books.sorted_out(costs_of).operating, ask)
    value = amount(costs, ask.where)
    return Expected(value, value, None, count(costs, ask.where), unpriced(costs, ask.where))


def cost_control(books: Books, ask: Ask) -> Expected:
    if ask.where[0] == "project":
        costs, plans = (
            during(books.sorted_out(costs_of).of_project, ask),
            during(books.sorted_out(budgets_of), ask),
        )
        goal: int | None = amount(plans, ask.where)
        missing = unpriced(costs, ask.where) + unpriced(plans, ask.where)
    else:
        costs = during(books.sorted_out(costs_of).operating, ask)
        goal = goal_of(books, "operating_cost", ask)
        missing = unpriced(costs, ask.where)
    n = count(costs, ask.where)
    over = None if goal is None else amount(costs, ask.where) - goal
    value = Fraction(over, goal) if goal and over is not None else None
    return Expected(value, over, goal, n, missing)


def channel_cpl(books: Books, ask: Ask) -> Expected:
    costs = during(books.sorted_out(costs_of).of_campaign, ask)
    leads = count(during(books.sorted_out(leads_of), ask), ask.where)
    return _each(costs, leads, ask)


def channel_roi(books: Books, ask: Ask) -> Expected:
    costs = during(books.sorted_out(costs_of).of_campaign, ask)
    left = during(books.sorted_out(sales_of).earned, ask)
    below = amount(costs, ask.where)
    above = amount(left, ask.where) - below
    missing = unpriced(costs, ask.where) + unpriced(left, ask.where)
    value = Fraction(above, below) if below and matured(books, ask, days=365) else None
    return Expected(value, above, below, count(left, ask.where), missing)


def cac(books: Books, ask: Ask) -> Expected:
    costs = during(books.sorted_out(costs_of).acquisition, ask)
    first = [one(purchases[0]) for purchases in books.sorted_out(kept_of)]
    return _each(costs, count(during(first, ask), ask.where), ask)


def unit_operating_cost(books: Books, ask: Ask) -> Expected:
    costs = during(books.sorted_out(costs_of).operating, ask)
    if ask.where[0] == "process":
        units = count(during([r.worth() for r in books.sorted_out(runs_of)], ask), ask.where)
    else:
        units = count(during(books.sorted_out(sales_of).orders, ask), ask.where)
    return _each(costs, units, ask)


def _each(costs: list[Atom], units: Fraction, ask: Ask) -> Expected:
    whole = amount(costs, ask.where)
    value = round(whole / units) if units else None  # round() is half-even
    return Expected(value, whole, units, units, unpriced(costs, ask.where))


def cost_reduction(books: Books, ask: Ask) -> Expected:
    would_be, without = [], []
    for run in books.sorted_out(runs_of):
        price = baseline_on(books, run.process, run.on, "unit_cost")
        if price is None:
            without.append(run.worth())
        else:
            would_be.append(run.worth(run.units * price))
    costs = [
        cost
        for cost in books.sorted_out(costs_of).operating
        if baseline_on(books, cost.cut["process"][0][0], cost.on, "unit_cost") is not None
    ]
    here, spent = during(would_be, ask), during(costs, ask)
    below = amount(here, ask.where)
    above = below - amount(spent, ask.where)
    missing = count(during(without, ask), ask.where) + unpriced(spent, ask.where)
    value = Fraction(above, below) if below else None
    return Expected(value, above, below, count(here, ask.where), missing)
