"""What single facts add to the sums of a question."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from metrics.engine.catalogue import Catalogue
from metrics.engine.cell import NO_BIN
from metrics.engine.kpi import Ratio, companions
from metrics.engine.measure import Measure, Reading
from metrics.engine.moment import Moment, MomentKind
from metrics.engine.slicing import amount_of, shares
from metrics.engine.sums import Known, Sums
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
        self._starts = [period.start for period in question.periods]
        self._until = until_of(question, known)
        self._measures: dict[MomentKind, list[Measure]] = {}
        for measure in measures_of(question):
            self._measures.setdefault(measure.kind, []).append(measure)

    def add(self, moments: Iterable[Moment], sums: Sums) -> None:
        """Add the moments that count, cut and filtered as the question asks."""
        for moment in moments:
            if moment.day >= self._until:
                continue
            bucket = bisect_right(self._starts, moment.day)
            for measure in self._measures.get(moment.kind, ()):
                bin_ = moment.bin if measure.binned else NO_BIN
                if bin_ is not None:
                    self._add(measure, moment, sums, bin_=bin_, bucket=bucket)

    def _add(self, measure: Measure, moment: Moment, sums: Sums, *, bin_: int, bucket: int) -> None:
        question, address = self._question, self._addresses[measure]
        amount = amount_of(measure, moment)
        for members, share in shares(amount, moment, by=question.by, filters=question.filters):
            sums.add(address, bucket, members=members, bin_=bin_, amount=share)
