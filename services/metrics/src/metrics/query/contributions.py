"""What single facts add to the sums of a question."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable

from metrics.engine.catalogue import Catalogue
from metrics.engine.cell import NO_BIN
from metrics.engine.kpi import Ratio, companions
from metrics.engine.measure import Measure, Reading
from metrics.engine.moment import Moment, MomentKind
from metrics.engine.slicing import amount_of, shares
from metrics.engine.sums import Known, Members, Sums
from metrics.query.question import Question


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

    def __init__(self, question: Question, known: Known, catalogue: Catalogue) -> None:
        self._question = question
        self._addresses = catalogue.layout.addresses
        self._cut = bool(question.dimensions)
        self._starts = [period.start for period in question.periods]
        self._until = until_of(question, known)
        self._measures: dict[MomentKind, list[Measure]] = {}
        for measure in measures_of(question):
            self._measures.setdefault(measure.kind, []).append(measure)

    @property
    def kinds(self) -> Collection[MomentKind]:
        """The kinds of moments that count."""
        return self._measures.keys()

    def add(self, counted: Iterable[tuple[Moment, int]], sums: Sums) -> None:
        """Add moments, each so many times: those that count, cut and filtered as is asked."""
        until, starts, measures = self._until, self._starts, self._measures
        for moment, times in counted:
            of_kind = measures.get(moment.kind)
            if of_kind is None or moment.day >= until:
                continue
            bucket = bisect_right(starts, moment.day)
            for measure in of_kind:
                bin_ = moment.bin if measure.binned else NO_BIN
                if bin_ is None:
                    continue
                address, amount = self._addresses[measure], amount_of(measure, moment)
                for members, share in self._shares(amount, moment):
                    sums.add(address, bucket, members=members, bin_=bin_, amount=times * share)

    def _shares(self, amount: int, moment: Moment) -> Iterable[tuple[Members, int]]:
        if not self._cut and not moment.kind.scoped:
            return (((), amount),)
        return shares(amount, moment, by=self._question.by, filters=self._question.filters)
