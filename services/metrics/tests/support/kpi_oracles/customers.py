"""What the KPIs of customers must be."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from kpi_oracles.books import Ask, Atom, Books, Expected
from kpi_oracles.buyers import Purchase, in_base, kept_of, one
from kpi_oracles.leads import matured
from kpi_oracles.sums import amount, count, ratio, unpriced


def clv_observed(books: Books, ask: Ask) -> Expected:
    cohort = _cohort(books, ask)
    left = [
        Atom(ask.start, purchases[0].cut, later.net)
        for purchases in cohort
        for later in purchases
        if later.on < _a_year_after(purchases[0].on)
    ]
    above, below = amount(left, ask.where), count([one(p[0]) for p in cohort], ask.where)
    missing = unpriced(left, ask.where)
    value = None
    if matured(books, ask, days=366) and below:
        value = round(Fraction(above) / below)
    return Expected(value, above, below, below, missing)


def repeat_purchase_rate(books: Books, ask: Ask) -> Expected:
    cohort = _cohort(books, ask)
    again = [p for p in cohort if len(p) > 1 and p[1].at - p[0].at < timedelta(days=180)]
    above = count([one(p[0]) for p in again], ask.where)
    below = count([one(p[0]) for p in cohort], ask.where)
    if not matured(books, ask, days=180):
        return Expected(None, above, below, below)
    return ratio(above, below)


def customer_retention(books: Books, ask: Ask) -> Expected:
    base = [(in_base(p, ask.start), p) for p in books.sorted_out(kept_of)]
    there = [(last, p) for last, p in base if last is not None]
    back = [one(last) for last, p in there if _inside(p, ask.start, ask.end)]
    return ratio(count(back, ask.where), count([one(last) for last, _ in there], ask.where))


def purchase_frequency(books: Books, ask: Ask) -> Expected:
    bought: list[Atom] = []
    buyers: list[Atom] = []
    for purchases in books.sorted_out(kept_of):
        last, now = in_base(purchases, ask.start), _inside(purchases, ask.start, ask.end)
        if last is not None and now:
            buyers.append(one(last))
            bought += [one(last) for _ in now]
    return ratio(count(bought, ask.where), count(buyers, ask.where))


def net_revenue_retention(books: Books, ask: Ask) -> Expected:
    start, end = _year_before(ask.start), _year_before(ask.end)
    then: list[Atom] = []
    now: list[Atom] = []
    for purchases in books.sorted_out(kept_of):
        earlier = _inside(purchases, start, end)
        if earlier:
            cut = earlier[-1].cut
            then += [Atom(ask.start, cut, p.net) for p in earlier]
            now += [Atom(ask.start, cut, p.net) for p in _inside(purchases, ask.start, ask.end)]
    above, below = amount(now, ask.where), amount(then, ask.where)
    value = Fraction(above, below) if below else None
    missing = unpriced(now, ask.where) + unpriced(then, ask.where)
    return Expected(value, above, below, count(then, ask.where), missing)


def _cohort(books: Books, ask: Ask) -> list[list[Purchase]]:
    """Buyers who first bought in the period."""
    return [p for p in books.sorted_out(kept_of) if ask.start <= p[0].on < ask.end]


def _inside(purchases: list[Purchase], start: date, end: date) -> list[Purchase]:
    return [p for p in purchases if start <= p.on < end]


def _a_year_after(day: date) -> date:
    """The first day that is no longer within twelve calendar months."""
    if (day.month, day.day) == (2, 29):
        return date(day.year + 1, 3, 1)
    return day.replace(year=day.year + 1)


def _year_before(day: date) -> date:
    return day.replace(year=day.year - 1)
