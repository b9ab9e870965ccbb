"""Differences: which values are not what they were, and the facts that make up one difference.

A value is compared between two *sides*: two periods, two instants of knowledge, or two
generations of figures. Facts are read on both sides in the order of their keys, and
those are listed that do not add the same; over all pages they add up to the difference.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from metrics.engine.calendar import Period
from metrics.engine.entry import Entry
from metrics.engine.fact import Ref
from metrics.engine.kpi import Kpi
from metrics.engine.measure import Measure
from metrics.engine.moment import Moment
from metrics.engine.row import Row
from metrics.engine.sums import Known, Members, Spot
from metrics.query.answer import Answer, answer
from metrics.query.behind import events_behind
from metrics.query.contributions import Contributions
from metrics.query.explain import Part, part_of, refuse_model, targets_used
from metrics.query.gathering import read_prices
from metrics.query.limits import no_more_than_usual
from metrics.query.published import published_rows, questions_of
from metrics.query.question import Question
from metrics.query.scan import since_of, speaking_facts
from metrics.query.source import Source
from metrics.store.closings import TOTAL, Closing


@dataclass(frozen=True, kw_only=True)
class ValuesDiffer:
    """A value that is not the same on both sides; None where a side has no such row."""

    kpi: Kpi
    period: Period
    dimension: str
    members: Members
    before: Row | None
    after: Row | None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Its place in a list: KPI, period, dimension, member."""
        return self.kpi.id, self.period.label, self.dimension, "".join(self.members)


def differing(
    question: Question, before: Iterable[Row], after: Iterable[Row]
) -> Iterator[ValuesDiffer]:
    """The rows of one question that are not the same, by period and members."""
    old, new = _by_place(before), _by_place(after)
    for period, members in sorted(old.keys() | new.keys()):
        was, is_now = old.get((period, members)), new.get((period, members))
        if _told(was) != _told(is_now):
            yield ValuesDiffer(
                kpi=question.kpi,
                period=period,
                dimension=question.by[0] if question.by else TOTAL,
                members=members,
                before=was,
                after=is_now,
            )


def _by_place(rows: Iterable[Row]) -> Mapping[tuple[Period, Members], Row]:
    return {(row.period, row.members): row for row in rows}


def _told(row: Row | None) -> tuple[object, ...] | None:
    """What a row says; None also when it says nothing at all of its members."""
    if row is None or (row.members and not row.speaks):
        return None
    return row.value, row.numerator, row.denominator, row.n, row.unpriced_count, row.reason


async def changed_since_closing(
    source: Source, closing: Closing, period: Period, *, after: tuple[str, str, str, str] | None
) -> AsyncIterator[ValuesDiffer]:
    """How today's values differ from those published, by KPI, dimension and member."""
    for kpi in sorted(source.catalogue, key=lambda kpi: kpi.id):
        if period.grain not in kpi.grains or (after and kpi.id < after[0]):
            continue
        for question in sorted(questions_of(source, kpi, period), key=lambda q: q.by):
            place = kpi.id, period.label, *(question.by or (TOTAL,))
            if after and place < after[:3]:
                continue
            dimension = question.by[0] if question.by else TOTAL
            published = await published_rows(
                source, closing, period, kpi_id=kpi.id, dimension=dimension
            )
            if published is None:
                continue
            answered = await answer(source, question)
            for one in differing(question, published, answered.rows):
                if after is None or one.key > after:
                    yield one


@dataclass(frozen=True, kw_only=True)
class Side:
    """One question to one snapshot: a period, as known then or now, of one generation."""

    source: Source
    question: Question


@dataclass(frozen=True, kw_only=True)
class FactsDiffer:
    """A fact that does not add the same on both sides; None where it adds nothing.

    `entries` are those of its events that one side knows and the other does not; where
    both know the same, all of them.
    """

    ref: Ref
    before: Part | None
    after: Part | None
    entries: Sequence[Entry] = ()


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A value on both sides, and some of the facts that differ, by kind and key."""

    before: Answer
    after: Answer
    facts: Sequence[FactsDiffer]


async def explain_difference(
    before: Side, after: Side, *, start: Ref | None, limit: int
) -> Difference:
    """Explain how two values differ, each of one period and no breakdown.

    Gives up to `limit` facts after `start`. Raises QuestionRefused for a model.
    """
    refuse_model(after.question)
    old, new = await _open(before), await _open(after)
    found: list[FactsDiffer] = []
    async with aclosing(_merged(old.facts(start), new.facts(start))) as merged:
        async for ref, was, is_now in merged:
            one = FactsDiffer(ref=ref, before=old.part(ref, was), after=new.part(ref, is_now))
            if one.before != one.after:
                found.append(one)
            if len(found) == limit:
                break
    return Difference(
        before=old.answer, after=new.answer, facts=await _with_entries(before, after, found)
    )


@dataclass(frozen=True, kw_only=True)
class _Opened:
    """A side, with what is needed to say what single facts add to its value."""

    side: Side
    answer: Answer
    contributions: Contributions
    targets: Mapping[Measure, int]

    @property
    def _known(self) -> Known:
        return self.answer.known

    def facts(self, start: Ref | None) -> AsyncGenerator[tuple[Ref, list[Moment]], None]:
        source, question = self.side.source, self.side.question
        reading = speaking_facts(
            source,
            self.contributions.kinds,
            question=question,
            days=(since_of(question), question.periods[-1].end),
            after=start,
        )
        return no_more_than_usual(source, question, reading)

    def part(self, ref: Ref, moments: list[Moment] | None) -> Part | None:
        if moments is None:
            return None
        sums = self.contributions.new_sums()
        self.contributions.add_fact(moments, sums)
        spot = Spot(sums, (), 0, self._known)
        return part_of(ref, self.side.question, spot=spot, targets=self.targets)


async def _open(side: Side) -> _Opened:
    answered = await answer(side.source, side.question)
    prices = await read_prices(side.source, side.question)
    return _Opened(
        side=side,
        answer=answered,
        contributions=Contributions(side.question, answered.known, prices),
        targets=await targets_used(side.source, side.question, answered.known),
    )


_Facts = AsyncGenerator[tuple[Ref, list[Moment]], None]


async def _merged(
    before: _Facts, after: _Facts
) -> AsyncGenerator[tuple[Ref, list[Moment] | None, list[Moment] | None], None]:
    """Facts of either side in the order of their keys, each with what it says on both."""
    async with aclosing(before), aclosing(after):
        old, new = await anext(before, None), await anext(after, None)
        while old is not None or new is not None:
            ref = min(one[0] for one in (old, new) if one is not None)
            was = old[1] if old is not None and old[0] == ref else None
            is_now = new[1] if new is not None and new[0] == ref else None
            yield ref, was, is_now
            if was is not None:
                old = await anext(before, None)
            if is_now is not None:
                new = await anext(after, None)


async def _with_entries(
    before: Side, after: Side, found: Sequence[FactsDiffer]
) -> Sequence[FactsDiffer]:
    old, new = await _entries(before, found), await _entries(after, found)
    done = []
    for one in found:
        was, is_now = old[one.ref], new[one.ref]
        differ = was.keys() ^ is_now.keys() or was.keys() | is_now.keys()
        every = {**was, **is_now}
        entries = sorted((every[key] for key in differ), key=lambda e: (e.recorded, e.sequence))
        done.append(replace(one, entries=entries))
    return done


async def _entries(
    side: Side, found: Sequence[FactsDiffer]
) -> Mapping[Ref, Mapping[tuple[str, int], Entry]]:
    """The events of facts that a side knows, by their places in their streams."""
    refs = [one.ref for one in found]
    behind = await events_behind(side.source, refs, as_of=side.question.as_of)
    return {
        ref: {(entry.stream, entry.sequence): entry for entry in entries}
        for ref, entries in behind.items()
    }
