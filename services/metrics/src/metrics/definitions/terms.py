"""Terms of a definition as the engine takes them: kinds of moments, counted or summed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce
from typing import Final, Literal

from metrics.definitions.refusals import DefinitionRefused
from metrics.definitions.vocabulary import VOCABULARY
from metrics.definitions.word import AmountOf, Word
from metrics.definitions.written import Counted, Term
from metrics.engine.dimension import DIMENSIONS
from metrics.engine.measure import Count, Money, Sum, Unpriced, at_end, at_start, trailing
from metrics.engine.moment import MomentKind
from metrics.engine.presence import Presence
from metrics.engine.selection import Where, selected

MOST_TERMS: Final = 8
_NEAREST: Final = 4

Filters = Mapping[str, Sequence[str]]
Quantity = Literal["things"] | AmountOf
"""What a term is a number of; only the same can be added."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A term that was read. `kind` is a selection where something is filtered."""

    field: str
    word: Word
    kind: MomentKind
    sign: int
    summed: bool
    at: Literal["start", "end"] | None
    trailing_days: int | None
    where: Where

    @property
    def quantity(self) -> Quantity:
        return self.word.amount if self.summed and self.word.amount else "things"

    @property
    def total(self) -> Sum:
        return self._read(Money if self.summed else Count)

    @property
    def counted(self) -> Sum:
        return self._read(Count)

    @property
    def unpriced(self) -> Sum:
        return self._read(Unpriced)

    def _read(self, of: Callable[[MomentKind], Sum]) -> Sum:
        total = of(self.kind)
        if self.trailing_days is not None:
            return trailing(total, days=self.trailing_days)
        if self.at is not None:
            return at_start(total) if self.at == "start" else at_end(total)
        return total


def read_terms(terms: Iterable[Term], *, field: str, where: Filters) -> list[Part]:
    """The terms of one sum. `where` is said for all of them. Raises DefinitionRefused."""
    return [_part(term, field=f"{field}.{place}", where=where) for place, term in enumerate(terms)]


def _part(term: Term, *, field: str, where: Filters) -> Part:
    said: Counted = term
    if term.minus is not None:
        said, field = term.minus, f"{field}.minus"
    summed = said.sum is not None
    word = word_of(said.sum or said.count or "", field=f"{field}.{'sum' if summed else 'count'}")
    if summed and word.amount is None:
        raise DefinitionRefused(
            f"{word.kind} has no amounts to add up",
            field=f"{field}.sum",
            hint="count them, or see GET /v1/kpis/vocabulary for kinds that have amounts",
        )
    at = _level(said, word, field=field)
    kind, passing = select(word, said.where, of_all=where, field=field)
    return Part(
        field=field,
        word=word,
        kind=kind,
        sign=1 if term.minus is None else -1,
        summed=summed,
        at=at,
        trailing_days=said.trailing_days,
        where=passing,
    )


def word_of(name: str, *, field: str) -> Word:
    """The kind of moments of a name. Raises DefinitionRefused, naming the nearest ones."""
    word = VOCABULARY.get(name)
    if word is None:
        nearest = get_close_matches(name, VOCABULARY, n=_NEAREST, cutoff=0.5)
        fact = f"{name.partition('.')[0]}."
        nearest += [one for one in VOCABULARY if one.startswith(fact) and one not in nearest]
        near = f"near to it: {', '.join(nearest[:_NEAREST])}; " if nearest else ""
        raise DefinitionRefused(
            "there is no such kind of moments",
            field=field,
            hint=f"{near}GET /v1/kpis/vocabulary lists all",
        )
    return word


def _level(said: Counted, word: Word, *, field: str) -> Literal["start", "end"] | None:
    """When a level is read; None for what happens within a period."""
    if not word.kind.stock:
        if said.at is not None:
            raise DefinitionRefused(
                f"{word.kind} happens, and is no level that one could read at a moment",
                field=f"{field}.at",
                hint="leave it out; for what came before the period's end say trailing_days",
            )
        return None
    if said.trailing_days is not None:
        raise DefinitionRefused(
            f"{word.kind} is a level, and does not add up over days",
            field=f"{field}.trailing_days",
            hint="say at start or at end",
        )
    return said.at or "end"


def select(
    word: Word, where: Filters | None, *, of_all: Filters, field: str
) -> tuple[MomentKind, Where]:
    """The kind of those moments that count, and what they are filtered by."""
    own = where or {}
    found: dict[str, Sequence[str]] = {}
    for filters, place in ((of_all, "where"), (own, f"{field}.where")):
        for dimension, members in filters.items():
            _refuse_filter(word, dimension, field=f"{place}.{dimension}")
            if dimension in found:
                raise DefinitionRefused(
                    f"{dimension} is filtered here and for all terms",
                    field=f"{place}.{dimension}",
                    hint="say it in one of the two places",
                )
            found[dimension] = members
    passing = tuple((name, tuple(sorted(set(found[name])))) for name in sorted(found))
    return narrowed(word.kind, passing), passing


def narrowed(kind: MomentKind, where: Where) -> MomentKind:
    """The kind of those moments of another kind that pass; all of them where nothing is said."""
    return selected(kind, where) if where else kind


def _refuse_filter(word: Word, dimension: str, *, field: str) -> None:
    kind = word.kind
    if isinstance(kind, Presence):
        raise DefinitionRefused(
            f"{kind} counts whoever was there at least once, wherever that was",
            field=field,
            hint="leave the filter out of the definition, and ask with filter=",
        )
    if dimension in word.shared:
        raise DefinitionRefused(
            f"one of {kind} can belong to several members of {dimension} by weight,"
            " and is never wholly of one",
            field=field,
            hint=f"cut by {dimension} instead, with by= or filter=; it can be filtered by:"
            f" {', '.join(word.filters)}",
        )
    if dimension not in word.filters:
        raise DefinitionRefused(
            f"{kind} cannot be filtered by that dimension",
            field=field,
            hint=f"it can be filtered by: {', '.join(word.filters)}",
        )


def sum_of(parts: Iterable[Part]) -> Sum:
    """Parts added up, those with a minus taken off."""
    plain = Sum(())
    return reduce(lambda s, p: s + p.total if p.sign > 0 else s - p.total, parts, plain)


def counts_of(parts: Iterable[Part]) -> Sum:
    """How many moments stand behind parts."""
    return reduce(lambda s, p: s + p.counted, (p for p in parts if p.sign > 0), Sum(()))


def are_share(above: Iterable[Part], below: Sequence[Part]) -> bool:
    """Whether whatever is counted above the line is counted below it, too."""
    return all(part.sign > 0 for part in below) and all(
        _is_among(part, part.word.kind, below) for part in above
    )


def _is_among(part: Part, kind: MomentKind, below: Sequence[Part]) -> bool:
    """Whether the moments of a part, being some of a kind, are all counted by other parts."""
    if any(_holds(other, part, kind) for other in below):
        return True
    wider = VOCABULARY[kind.name].part_of
    return bool(wider) and all(_is_among(part, one, below) for one in wider)


def _holds(other: Part, part: Part, kind: MomentKind) -> bool:
    """Whether one part counts all of a kind that pass the filters of another."""
    at = "start" if kind.stock and kind != part.word.kind else part.at
    passing = dict(part.where)
    return (
        (other.word.kind, other.at, other.trailing_days) == (kind, at, part.trailing_days)
        and other.summed == part.summed
        and all(set(passing.get(name, ())) <= set(members) for name, members in other.where)
        and {name for name, _ in other.where} <= passing.keys()
    )


def common_quantity(parts: Sequence[Part], *, field: str) -> Quantity:
    """What all parts of a sum are numbers of. Raises DefinitionRefused when they differ."""
    first = parts[0].quantity
    for part in parts[1:]:
        if part.quantity != first:
            raise DefinitionRefused(
                f"{first} and {part.quantity} cannot be added",
                field=part.field,
                hint="a sum is of one sort of numbers: count everything in it, or nothing",
            )
    if all(part.sign < 0 for part in parts):
        raise DefinitionRefused(
            "everything is taken off, and from nothing",
            field=field,
            hint="add at least one term without minus",
        )
    return first


def common_dimensions(parts: Iterable[Part]) -> tuple[str, ...]:
    """What all parts can be cut by, in the order of dimensions."""
    common = set(DIMENSIONS).intersection(*(part.kind.dimensions for part in parts))
    return tuple(name for name in DIMENSIONS if name in common)
