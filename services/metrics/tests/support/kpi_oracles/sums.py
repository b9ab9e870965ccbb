"""Sums over atoms: in total, or for one member."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from fractions import Fraction

from kpi_oracles.books import Ask, Atom, Expected, Where


def within(atoms: Iterable[Atom], start: date, end: date) -> list[Atom]:
    return [atom for atom in atoms if start <= atom.on < end]


def during(atoms: Iterable[Atom], ask: Ask) -> list[Atom]:
    return within(atoms, ask.start, ask.end)


def count(atoms: Iterable[Atom], where: Where) -> Fraction:
    total = Fraction(0)
    for atom in atoms:
        total += Fraction(_part(10_000, atom, where), 10_000)
    return total


def amount(atoms: Iterable[Atom], where: Where) -> int:
    return sum(_part(atom.amount, atom, where) for atom in atoms if atom.amount is not None)


def unpriced(atoms: Iterable[Atom], where: Where) -> Fraction:
    return count((atom for atom in atoms if atom.amount is None), where)


def ratio(above: Fraction, below: Fraction) -> Expected:
    return Expected(above / below if below else None, above, below, below)


def _part(whole: int, atom: Atom, where: Where) -> int:
    dimension, member = where
    if dimension is None:
        return whole
    return divided(whole, atom.cut[dimension]).get(member or "", 0)


def divided(amount: int, members: list[tuple[str, int]]) -> dict[str, int]:
    """Largest remainders, in the long way: give single units to whoever is owed most."""
    if amount < 0:
        return {name: -part for name, part in divided(-amount, members).items()}
    total = sum(weight for _, weight in members)
    if total == 0:
        members, total = [(name, 1) for name, _ in members], len(members)
    owed = [Fraction(amount * weight, total) for _, weight in members]
    given = [int(share) for share in owed]
    for _ in range(amount - sum(given)):
        neediest = max(range(len(owed)), key=lambda place: owed[place] - given[place])
        given[neediest] += 1
    parts: dict[str, int] = {}
    for (name, _), part in zip(members, given, strict=True):
        parts[name] = parts.get(name, 0) + part
    return parts
