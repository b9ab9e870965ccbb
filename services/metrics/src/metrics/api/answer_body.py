"""Answers as JSON, of the shape of `KpiAnswer`.

They have up to MOST_ROWS rows, and a model of each would cost more than all else of an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

import msgspec
from pydantic import BaseModel

from metrics.api.target_views import TargetOfRow
from metrics.api.views import KpiHead
from metrics.engine.company import date_of
from metrics.engine.row import Reason, Row
from metrics.engine.sums import Members
from metrics.engine.units import Number
from metrics.query.comparison import NO_CHANGE, Comparison
from metrics.query.question import Question
from metrics.query.targets import Targets


class _Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """As `KpiRow`."""

    dimensions: dict[str, str]
    value: Number | None
    numerator: Number | None
    denominator: Number | None
    n: Number
    interval: tuple[float, float] | None
    unpriced_count: Number
    reason: Reason | None
    mature: bool
    censored: Number | None
    shrunken: float | None
    previous: Number | None
    change: Number | None
    relative_change: float | None
    against_target: TargetOfRow | None


class _Period(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """As `KpiPeriod`."""

    period: str
    from_on: date
    to_on: date
    compared_from_on: date | None
    compared_to_on: date | None
    rows: list[_Row]


def _as_dict(view: Any) -> dict[str, Any]:
    assert isinstance(view, BaseModel)
    return view.model_dump(mode="json", by_alias=True)


_encode: Final = msgspec.json.Encoder(enc_hook=_as_dict).encode


def answer_body(
    head: KpiHead,
    rows: Sequence[Row],
    question: Question,
    *,
    comparison: Comparison | None,
    targets: Targets | None,
    next_cursor: str | None,
) -> bytes:
    """The periods of these rows; those with nobody to break down by have none."""
    others = {} if comparison is None else comparison.periods
    named: dict[Members, dict[str, str]] = {
        members: dict(zip(question.columns, members, strict=True))
        for members in {row.members for row in rows}
    }
    by_period = {
        period: list(_rows(of, named, comparison, targets))
        for period, of in groupby(rows, key=attrgetter("period"))
    }
    periods = [
        _Period(
            period=period.label,
            from_on=date_of(period.start),
            to_on=date_of(period.end),
            compared_from_on=date_of(others[period].start) if others else None,
            compared_to_on=date_of(others[period].end) if others else None,
            rows=by_period.get(period, []),
        )
        for period in (by_period or question.periods)
    ]
    return _encode(_as_dict(head) | {"periods": periods, "next_cursor": next_cursor})


def _rows(
    rows: Iterable[Row],
    named: Mapping[Members, dict[str, str]],
    comparison: Comparison | None,
    targets: Targets | None,
) -> Iterator[_Row]:
    change = NO_CHANGE
    for row in rows:
        if comparison is not None:
            change = comparison.change(row)
        yield _Row(
            dimensions=named[row.members],
            value=row.value,
            numerator=row.numerator,
            denominator=row.denominator,
            n=row.n,
            interval=row.interval,
            unpriced_count=row.unpriced_count,
            reason=row.reason,
            mature=row.mature,
            censored=row.censored,
            shrunken=row.shrunken,
            previous=change.value,
            change=change.absolute,
            relative_change=change.relative,
            against_target=None if targets is None else TargetOfRow.of(targets.against(row)),
        )
