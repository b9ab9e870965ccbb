"""What the KPIs of sales must be."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from fractions import Fraction

from kpi_oracles.books import Ask, Books, Expected
from kpi_oracles.deals import open_at_end, sales_of
from kpi_oracles.sums import amount, count, during, ratio, unpriced
from kpi_oracles.targets import goal_of


def revenue_net(books: Books, ask: Ask) -> Expected:
    sales = books.sorted_out(sales_of)
    won, orders, refunds = (
        during(atoms, ask) for atoms in (sales.won, sales.orders, sales.refunds)
    )
    value = amount(won, ask.where) + amount(orders, ask.where) - amount(refunds, ask.where)
    missing = sum((unpriced(a, ask.where) for a in (won, orders, refunds)), Fraction(0))
    n = count(won, ask.where) + count(orders, ask.where)
    return Expected(value, value, None, n, missing)


def revenue_attainment(books: Books, ask: Ask) -> Expected:
    net = revenue_net(books, ask)
    goal = goal_of(books, "revenue_net", ask)
    value = Fraction(int(net.value or 0), goal) if goal else None
    return Expected(value, net.value, goal, net.n, net.unpriced)


def win_rate(books: Books, ask: Ask) -> Expected:
    sales = books.sorted_out(sales_of)
    won = count(during(sales.won, ask), ask.where)
    lost = count(during(sales.lost, ask), ask.where)
    return ratio(won, won + lost)


def decision_rate(books: Books, ask: Ask) -> Expected:
    sales = books.sorted_out(sales_of)
    closed = during(sales.won + sales.lost, ask)
    opening = open_at_end(books, ask.start - timedelta(days=1))
    created = during(sales.created, ask)
    below = count(opening, ask.where) + count(created, ask.where)
    return ratio(count(closed, ask.where), below)


def sales_cycle_days(books: Books, ask: Ask) -> Expected:
    weights: dict[int, Fraction] = defaultdict(Fraction)
    for atom in during(books.sorted_out(sales_of).won, ask):
        if atom.days is not None:
            weights[atom.days] += count([atom], ask.where)
    # A list with each value as often as its weight in ten-thousandths says, and its middle.
    n = sum(weights.values(), Fraction(0))
    if n < 5:
        return Expected(None, n=n)
    spread = [days for days, weight in sorted(weights.items()) for _ in range(int(weight * 10_000))]
    half = len(spread) // 2
    middle = [spread[half]] if len(spread) % 2 else spread[half - 1 : half + 1]
    return Expected(Fraction(sum(middle), len(middle)), n=n)


def avg_deal_value(books: Books, ask: Ask) -> Expected:
    sales = books.sorted_out(sales_of)
    won = during(sales.won, ask)
    priced = count((atom for atom in won if atom.amount is not None), ask.where)
    above = amount(won, ask.where)
    value = round(Fraction(above) / priced) if priced else None  # round() is half-even
    return Expected(value, above, priced, priced, unpriced(won, ask.where))


def pipeline_open(books: Books, ask: Ask) -> Expected:
    stock = open_at_end(books, ask.end - timedelta(days=1))
    value = amount(stock, ask.where)
    return Expected(value, value, None, count(stock, ask.where), unpriced(stock, ask.where))
