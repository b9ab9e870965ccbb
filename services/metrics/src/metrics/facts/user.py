"""Users: on which days they were active, and what became of those who came together.

A user's days are kept, not its events: a hundred activities on one day are one. Whoever
was first active in a period belongs to the cohort of that period, cut as the first
activity was; how many periods later it was active is its age.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

import msgspec

from events.types import UNKNOWN
from events.types.partner import ActivityRecorded
from metrics.engine.calendar import Grain, period_of, periods_since
from metrics.engine.company import Company
from metrics.engine.dimension import Cut, cut_of
from metrics.engine.entry import Entry
from metrics.engine.fact import Ref, Report, ReportingKind
from metrics.engine.measure import bin_of_period
from metrics.engine.moment import Moment, MomentKind
from metrics.engine.presence import presence
from metrics.facts.buyer.records import Active, buyer_key, to_buyer

USAGE_DIMENSIONS: Final = ("channel", "segment", "region", "product")
WINDOW_DAYS: Final = 28
"""A month of activity: four whole weeks, so that each weekday counts the same."""

OLDEST: Final = {Grain.DAY: 90, Grain.WEEK: 52, Grain.MONTH: 36}
"""Up to which age a cohort is followed, by the length of its periods."""

_ACTIVITY: Final = (ActivityRecorded,)

USER_ACTIVE: Final = MomentKind(
    name="user.active", cube="user.active", dimensions=USAGE_DIMENSIONS, events=_ACTIVITY
)
"""On each day and in each cut in which the user was active."""
USER_ON_DAY: Final = presence("user.on_day", of=USER_ACTIVE, days=1, dimensions=USAGE_DIMENSIONS)
USER_IN_MONTH: Final = presence(
    "user.in_month", of=USER_ACTIVE, days=WINDOW_DAYS, dimensions=USAGE_DIMENSIONS
)
USER_BEGAN: Final = MomentKind(
    name="user.began", cube="user.began", dimensions=USAGE_DIMENSIONS, events=_ACTIVITY
)
"""On the first day on which the user was active."""
USER_STAYED: Final = MomentKind(
    name="user.stayed", cube="user.cohort", dimensions=USAGE_DIMENSIONS, events=_ACTIVITY
)
"""Of the cohort's period, for each age at which the user was active."""
USER_LAST_SEEN: Final = MomentKind(
    name="user.last_seen", cube="user.cohort", dimensions=USAGE_DIMENSIONS, events=_ACTIVITY
)
"""Of the cohort's period, for the highest of these ages."""


class Usage(msgspec.Struct, frozen=True, array_like=True):
    """The days, in order, on which a user was active in one way."""

    cut: Cut
    buyer: str | None
    """Key of the buyer of the customer that the user belongs to."""
    days: tuple[int, ...]


class User(msgspec.Struct, frozen=True, array_like=True):
    """A user as far as KPIs need it; of the first activity also the instant."""

    first_at: int | None = None
    first_cut: Cut = ()
    usages: tuple[Usage, ...] = ()


class UserKind(ReportingKind[User]):
    """See `FactKind`."""

    name = "user"
    empty = User()

    def says(self, kind: MomentKind) -> bool:
        return kind in (USER_ACTIVE, USER_BEGAN, USER_STAYED, USER_LAST_SEEN)

    def apply(self, state: User, entry: Entry, /, *, key: str, company: Company) -> User:  # noqa: ARG002 - as FactKind
        data = entry.data
        if not isinstance(data, ActivityRecorded):
            return state
        cut = _cut_of(data)
        day = company.day(entry.occurred)
        customer = data.customer_id
        buyer = None if customer is None else buyer_key(customer, source=entry.source)
        usages = _with_day(state.usages, day, cut=cut, buyer=buyer)
        if state.first_at is None or entry.occurred < state.first_at:
            return User(entry.occurred, cut, usages)
        if usages is state.usages:
            return state
        return User(state.first_at, state.first_cut, usages)

    def reports(self, state: User, /, *, key: str) -> list[Report]:
        own = Ref(self.name, key)
        return [
            to_buyer(usage.buyer, own, Active(day), part=str(day))
            for usage in state.usages
            if usage.buyer is not None
            for day in usage.days
        ]

    def moments(self, state: User, company: Company, /) -> list[Moment]:
        if state.first_at is None:
            return []
        said = [Moment(USER_ACTIVE, day, u.cut) for u in state.usages for day in u.days]
        first = company.day(state.first_at)
        said.append(Moment(USER_BEGAN, first, state.first_cut))
        days = {day for usage in state.usages for day in usage.days}
        for grain, oldest in OLDEST.items():
            said += _cohort_moments(first, days, state.first_cut, grain=grain, oldest=oldest)
        return said

    def problems(self, _state: User, /) -> tuple[str, ...]:
        return ()


def _cut_of(data: ActivityRecorded) -> Cut:
    dimensions = data.dimensions
    return cut_of(
        channel=dimensions.channel or UNKNOWN,
        segment=dimensions.segment or UNKNOWN,
        region=dimensions.region or UNKNOWN,
        product=dimensions.product or UNKNOWN,
    )


def _with_day(
    usages: tuple[Usage, ...], day: int, *, cut: Cut, buyer: str | None
) -> tuple[Usage, ...]:
    """The usages with one more day; the same object where it is known already."""
    for place, usage in enumerate(usages):
        if usage.cut == cut and usage.buyer == buyer:
            at = bisect_left(usage.days, day)
            if usage.days[at : at + 1] == (day,):
                return usages
            days = (*usage.days[:at], day, *usage.days[at:])
            return (*usages[:place], Usage(cut, buyer, days), *usages[place + 1 :])
    return (*usages, Usage(cut, buyer, (day,)))


def _cohort_moments(
    first: int, days: Iterable[int], cut: Cut, *, grain: Grain, oldest: int
) -> list[Moment]:
    start = period_of(first, grain).start
    ages = {periods_since(start, day, grain) for day in days}
    said = [
        Moment(USER_STAYED, start, cut, bin=bin_of_period(grain, age))
        for age in sorted(ages)
        if age <= oldest
    ]
    # Whoever is seen after the highest age was, in the unbounded sense, still there at it.
    last = min(max(ages), oldest)
    said.append(Moment(USER_LAST_SEEN, start, cut, bin=bin_of_period(grain, last)))
    return said
