"""What the KPIs of cost must be."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from kpi_oracles.books import Ask, Atom, Books, Expected, cut_of
from kpi_oracles.projects import budgets_of
from kpi_oracles.sums import amount, count, during, unpriced
from kpi_oracles.targets import goal_of


@dataclass
class Costs:
    """What was spent: to run the house, and for projects of whatever kind."""

    operating: list[Atom] = field(default_factory=list)
    of_project: list[Atom] = field(default_factory=list)


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
            costs.of_project.append(Atom(atom.on, {"project": cut["project"]}, atom.amount))
    return costs


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
