"""What the KPIs of feedback must be."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from kpi_oracles.books import Ask, Atom, Books, Expected, cut_of
from kpi_oracles.sums import count, during


@dataclass
class Answers:
    """The answers that count, and among them the good and the bad ones."""

    csat: list[Atom] = field(default_factory=list)
    content: list[Atom] = field(default_factory=list)
    sales: list[Atom] = field(default_factory=list)
    content_with_sales: list[Atom] = field(default_factory=list)
    nps: list[Atom] = field(default_factory=list)
    promoters: list[Atom] = field(default_factory=list)
    detractors: list[Atom] = field(default_factory=list)


def answers_of(books: Books) -> Answers:
    found = Answers()
    for stream in books.streams("partner.survey."):
        answer = stream[-1]
        if answer["type"] == "partner.survey.withdrawn.v1" or answer["score"] > answer["scale_max"]:
            continue
        members = {"owner": answer.get("owner_id"), "process": answer.get("touchpoint")}
        cut = cut_of(answer, ("team", "channel", "segment", "sector"), **members)
        atom = Atom(books.local(answer["time"]), cut)
        content = Fraction(answer["score"], answer["scale_max"]) >= Fraction(4, 5)
        if answer["kind"] == "csat":
            found.csat.append(atom)
            found.content += [atom] * content
            if answer.get("touchpoint") == "sales":
                found.sales.append(atom)
                found.content_with_sales += [atom] * content
        elif answer["kind"] == "nps" and answer["scale_max"] == 10:
            found.nps.append(atom)
            found.promoters += [atom] * (answer["score"] in (9, 10))
            found.detractors += [atom] * (answer["score"] < 7)
    return found


def csat(books: Books, ask: Ask) -> Expected:
    answers = books.sorted_out(answers_of)
    return _share(answers.content, answers.csat, ask)


def sales_csat(books: Books, ask: Ask) -> Expected:
    answers = books.sorted_out(answers_of)
    return _share(answers.content_with_sales, answers.sales, ask)


def nps(books: Books, ask: Ask) -> Expected:
    answers = books.sorted_out(answers_of)
    for_us = count(during(answers.promoters, ask), ask.where)
    against = count(during(answers.detractors, ask), ask.where)
    n = count(during(answers.nps, ask), ask.where)
    value = 100 * (for_us - against) / n if n >= 30 else None
    return Expected(value, for_us - against, n, n)


def _share(good: list[Atom], answers: list[Atom], ask: Ask) -> Expected:
    above, n = count(during(good, ask), ask.where), count(during(answers, ask), ask.where)
    return Expected(above / n if n >= 10 else None, above, n, n)
