"""Values that a model predicts: read from the histories of customers, as of each period's end.

One model is fitted for the company, whatever is asked for; members are told the mean of their
own customers, so that they add up to the total. Each has to pass the gate of the KPI on its own
(docs/decisions/0033-one-model-of-customers.md).
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from metrics.engine.calendar import Period
from metrics.engine.company import Company
from metrics.engine.dimension import Cut
from metrics.engine.expectation import Model
from metrics.engine.measure import COUNT_SCALE
from metrics.engine.moment import Moment
from metrics.engine.row import Reason, Row
from metrics.engine.slicing import Shares
from metrics.engine.sums import Known, Members
from metrics.engine.told import records_until
from metrics.engine.units import counted
from metrics.facts import BUYERS
from metrics.facts.buyer.kind import Buyer
from metrics.facts.buyer.loyalty import BUYER_NEW
from metrics.facts.buyer.purchases import Purchase
from metrics.models.customers import Customers, Occasion, customers_at
from metrics.query.question import Question, QuestionRefused
from metrics.query.scan import read_facts
from metrics.query.source import Source

if TYPE_CHECKING:
    from metrics.models.lifetime import Prediction

MOST_PERIODS: Final = 24
"""Each is fitted anew, in seconds."""
_REMEMBERED: Final = 24
_FIRST_DAY: Final = -(2**31)
_FOR_EVER: Final = 2**62


@dataclass
class Scope:
    """What the customers of some members come to. Counts are in ten-thousandths of a customer."""

    customers: int = 0
    unpriced: int = 0
    worth: float = 0.0
    foreseen: float = 0.0
    """How often those known before the days held out were to buy in them."""
    bought: float = 0.0
    """How often they did."""

    @property
    def error(self) -> float | None:
        """How wrong the model was, as a part of what happened; None where nothing did."""
        return abs(self.foreseen - self.bought) / self.bought if self.bought else None

    def refusal(self, kpi: Model) -> Reason | None:
        """Why the model says nothing about these customers."""
        if self.customers < kpi.floor * COUNT_SCALE:
            return "below_floor"
        if self.error is None or self.error > kpi.tolerance:
            return "holdout_error"
        return None


@dataclass(frozen=True)
class Fitted:
    """The model of a period, and what it says of each scope.

    No prediction where the company is below the floor, or too few came back.
    """

    period: Period
    customers: Customers
    prediction: Prediction | None
    scopes: Mapping[Members, Scope]

    def rows(self, kpi: Model, known: Known) -> list[Row]:
        """What it says, by members."""
        return [
            _row(self.period, members, scope, kpi=kpi, known=known)
            for members, scope in sorted(self.scopes.items())
        ]


async def rows_of_model(source: Source, question: Question, known: Known) -> Sequence[Row]:
    """A row for each period and scope. Raises QuestionRefused for too many periods."""
    kpi = _model_of(question)
    if len(question.periods) > MOST_PERIODS:
        raise QuestionRefused(
            f"{kpi.id} is fitted anew for each period, and was asked for {len(question.periods)}",
            field="query.from",
            hint=f"ask for at most {MOST_PERIODS}",
        )
    return [
        row
        for fitted in await fitted_models(source, question, known)
        for row in fitted.rows(kpi, known)
    ]


async def fitted_models(source: Source, question: Question, known: Known) -> list[Fitted]:
    """The model of each period asked for."""
    reading = read_facts(
        source,
        (BUYER_NEW,),
        _purchases_said,
        question=question,
        days=(_FIRST_DAY, question.periods[-1].end),
    )
    buyers = [purchases async for _, purchases in reading]
    return [
        await asyncio.to_thread(
            _fitted, buyers, question, period=period, until=_until(period, known)
        )
        for period in question.periods
    ]


def _purchases_said(_kind: str, buyer: Buyer, company: Company) -> list[Purchase]:
    told = records_until(buyer.entries, _FOR_EVER)
    return [purchase for purchase in BUYERS.purchases(told, company) if purchase.kept]


def _model_of(question: Question) -> Model:
    assert isinstance(question.kpi, Model)
    return question.kpi


def _until(period: Period, known: Known) -> int:
    """The first day that the model does not know: today is not over."""
    return period.start if known.day is None else min(period.end, known.day)


def _row(period: Period, members: Members, scope: Scope, *, kpi: Model, known: Known) -> Row:
    begun = known.day is not None and period.start < known.day
    reason = scope.refusal(kpi) if begun else "immature"
    believed = reason is None
    return Row(
        period=period,
        members=members,
        value=round(scope.worth * COUNT_SCALE / scope.customers) if believed else None,
        numerator=round(scope.worth) if believed else None,
        denominator=counted(scope.customers),
        n=counted(scope.customers),
        interval=None,
        unpriced_count=counted(scope.unpriced),
        reason=reason,
        mature=known.covers(period),
    )


def _fitted(
    buyers: Sequence[Sequence[Purchase]],
    question: Question,
    *,
    period: Period,
    until: int,
) -> Fitted:
    """Runs in a thread: it takes seconds where there are many customers."""
    kpi = _model_of(question)
    bought = [[purchase for purchase in one if purchase.day < until] for one in buyers]
    bought = [one for one in bought if one]
    customers = customers_at(until, [list(_occasions(one)) for one in bought])
    prediction = None
    if len(customers) >= kpi.floor:
        prediction = _PREDICTIONS.of(customers, discount=kpi.discount)
    scopes = _scopes(bought, question, customers=customers, prediction=prediction)
    return Fitted(period, customers, prediction, scopes)


def _occasions(purchases: Sequence[Purchase]) -> Iterator[Occasion]:
    for day, of_day in groupby(purchases, key=lambda purchase: purchase.day):
        priced = [purchase.net for purchase in of_day if purchase.net is not None]
        yield Occasion(day, sum(priced) if priced else None)


def _scopes(
    bought: Sequence[Sequence[Purchase]],
    question: Question,
    *,
    customers: Customers,
    prediction: Prediction | None,
) -> Mapping[Members, Scope]:
    """What customers come to by members: each counts where he last bought."""
    found: dict[Members, Scope] = {} if question.by else {(): Scope()}
    sharing = Shares(by=question.by, filters=question.filters)
    shared: dict[Cut, Sequence[tuple[Members, int]]] = {}
    for place, purchases in enumerate(bought):
        cut = purchases[-1].cut
        if cut not in shared:
            moment = Moment(BUYER_NEW, 0, cut)
            shared[cut] = sharing.of(COUNT_SCALE, moment)
        for members, share in shared[cut]:
            scope = found.setdefault(members, Scope())
            scope.customers += share
            scope.unpriced += share * sum(purchase.net is None for purchase in purchases)
            if prediction is None:
                continue
            part = share / COUNT_SCALE
            scope.worth += part * float(prediction.worth[place])
            if customers.known[place]:
                scope.foreseen += part * float(prediction.foreseen[place])
                scope.bought += part * float(customers.since[place])
    return found


class _Predictions:
    """Remembers predictions by what they were made from, so that none is made twice.

    What they are made from changes with the day, and with whatever became known late; nothing
    here can be out of date.
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._made: OrderedDict[tuple[bytes, float], Prediction | None] = OrderedDict()
        self._one_at_a_time = threading.Lock()

    def of(self, customers: Customers, *, discount: float) -> Prediction | None:
        # Late: scipy takes as long to load as the rest of a service, and most never fit a model.
        from metrics.models.lifetime import predict  # noqa: PLC0415

        key = customers.digest, discount
        with self._one_at_a_time:
            if key not in self._made:
                self._made[key] = predict(customers, discount=discount)
            self._made.move_to_end(key)
            while len(self._made) > self._most:
                self._made.popitem(last=False)
            return self._made[key]


_PREDICTIONS: Final = _Predictions(most=_REMEMBERED)
"""Of all readers: a pure function's results, and no state of the service."""
