"""What single facts add to the sums of a question."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence

from metrics.engine.cell import NO_BIN
from metrics.engine.dimension import NUMBERS
from metrics.engine.kpi import Ratio, companions
from metrics.engine.measure import COUNT_SCALE, Measure, Reading, Term
from metrics.engine.moment import Moment, MomentKind
from metrics.engine.presence import Presence
from metrics.engine.pricing import Prices
from metrics.engine.selection import selections_among, with_selections
from metrics.engine.slicing import Shares, amount_of
from metrics.engine.sums import Known, Members, Sums, bounds_of
from metrics.query.question import Question


def terms_of(question: Question) -> Iterator[Term]:
    for total in question.kpi.sums_by(question.dimensions).values():
        yield from total.terms


def measures_of(question: Question) -> list[Measure]:
    """Every measure that the answer needs, without repetition."""
    wanted: dict[Measure, None] = {}
    for total in question.kpi.sums_by(question.dimensions).values():
        for term in (*total.terms, *total.unpriced.terms):
            wanted[term.measure] = None
            if term.reading is Reading.SCOPE_OF_PERIOD:
                wanted.update(dict.fromkeys(companions(term.measure)))
    return list(wanted)


def until_of(question: Question, known: Known) -> int:
    """The first day that does not count: the end of the range, or of what is over."""
    end = question.periods[-1].end
    kpi = question.kpi
    if isinstance(kpi, Ratio) and kpi.only_past_days and known.day is not None:
        return min(end, known.day)
    return end


class Contributions:
    """Adds moments to sums as the cells would have it."""

    def __init__(self, question: Question, known: Known, prices: Prices) -> None:
        self._question = question
        self._prices = prices
        self._cut = bool(question.dimensions)
        self._sharing = Shares(by=question.by, filters=question.filters)
        self._bounds = bounds_of(question.periods, terms_of(question))
        self._until = until_of(question, known)
        self._measures: dict[MomentKind, list[Measure]] = {}
        for measure in measures_of(question):
            self._measures.setdefault(measure.kind, []).append(measure)
        self._presences = [kind for kind in self._measures if isinstance(kind, Presence)]
        self._selections = selections_among(self._measures)

    @property
    def kinds(self) -> Collection[MomentKind]:
        """The kinds of moments that count."""
        return self._measures.keys()

    def new_sums(self) -> Sums:
        return Sums(self._question.periods, self._bounds)

    def add_fact(self, moments: Sequence[Moment], sums: Sums) -> None:
        """Add all that one fact says: its presences are worked out for the members asked for."""
        said = with_selections(moments, self._selections)
        self.add(((moment, 1) for moment in said), sums)
        question = self._question
        for kind in self._presences:
            turns = kind.turns(moments, dimensions=question.by, filters=question.filters)
            for members, day, sign in turns:
                self._add_turn(kind, members, day=day, sign=sign, sums=sums)

    def add(self, counted: Iterable[tuple[Moment, int]], sums: Sums) -> None:
        """Add moments, each so many times: those that count, cut and filtered as is asked."""
        until, bounds, measures = self._until, self._bounds, self._measures
        for moment, times in counted:
            of_kind = measures.get(moment.kind)
            if of_kind is None or moment.day >= until:
                continue
            stretch = bisect_right(bounds, moment.day)
            for measure in of_kind:
                bin_ = moment.bin if measure.binned else NO_BIN
                if bin_ is None:
                    continue
                for members, share in self._shares(measure, moment):
                    sums.add(measure, stretch, members=members, bin_=bin_, amount=times * share)

    def _shares(self, measure: Measure, moment: Moment) -> Iterable[tuple[Members, int]]:
        amount = amount_of(measure.quantity, moment)
        if measure.price is not None:
            member = moment.cut[NUMBERS[measure.price.along] - 1]
            if not isinstance(member, str):
                return ()
            amount = self._prices.amount(measure, amount, member=member, day=moment.day)
        if not self._cut and not moment.kind.scoped:
            return (((), amount),)
        return self._sharing.of(amount, moment)

    def _add_turn(
        self, kind: Presence, members: Members, *, day: int, sign: int, sums: Sums
    ) -> None:
        if day >= self._until:
            return
        stretch, amount = bisect_right(self._bounds, day), sign * COUNT_SCALE
        for measure in self._measures[kind]:
            sums.add(measure, stretch, members=members, bin_=NO_BIN, amount=amount)
