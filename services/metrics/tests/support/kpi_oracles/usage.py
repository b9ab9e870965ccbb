"""What the KPIs of usage must be: users are looked up day by day."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction

from kpi_oracles.books import Ask, Books, Cut, Expected, Json, Where, cut_of

USAGE_CUTS = ("channel", "segment", "region", "product")


@dataclass
class Active:
    """One user: on which days in which cuts, and the cut of the first activity."""

    days: dict[date, list[Cut]] = field(default_factory=lambda: defaultdict(list))
    first: Json | None = None


def users_of(books: Books) -> list[Active]:
    found = []
    for stream in books.streams("partner.activity.recorded"):
        user = Active()
        for event in stream:
            user.days[books.local(event["time"])].append(cut_of(event, USAGE_CUTS))
            if user.first is None or event["time"] < user.first["time"]:
                user.first = event
        found.append(user)
    return found


def dau(books: Books, ask: Ask) -> Expected:
    users = _active(books, ask.start, ask.start + timedelta(days=1), ask.where)
    return Expected(users, users, None, users)


def mau(books: Books, ask: Ask) -> Expected:
    users = _active(books, ask.end - timedelta(days=28), ask.end, ask.where)
    return Expected(users, users, None, users)


def stickiness(books: Books, ask: Ask) -> Expected:
    days = [ask.end - timedelta(days=n) for n in range(1, 29)]
    daily = sum(_active(books, day, day + timedelta(days=1), ask.where) for day in days)
    monthly = _active(books, days[-1], ask.end, ask.where)
    value = Fraction(daily, 28 * monthly) if monthly else None
    return Expected(value, daily, monthly, monthly)


def user_retention(books: Books, ask: Ask) -> Expected:
    return retained(books, ask, age=1, or_later=False)


def retained(books: Books, ask: Ask, *, age: int, or_later: bool) -> Expected:
    start, end = _shifted(ask, age)
    cohort = back = 0
    for user in books.sorted_out(users_of):
        assert user.first is not None
        first = books.local(user.first["time"])
        if not ask.start <= first < ask.end:
            continue
        if not _is_member(cut_of(user.first, USAGE_CUTS), ask.where):
            continue
        cohort += 1
        back += any(start <= day and (or_later or day < end) for day in user.days)
    midnight = datetime.combine(end, time(), books.zone).astimezone(UTC)
    if age and midnight > ask.now:
        return Expected(None, back, cohort, cohort)
    return Expected(Fraction(back, cohort) if cohort else None, back, cohort, cohort)


def _shifted(ask: Ask, age: int) -> tuple[date, date]:
    """The period so many days, weeks or months later."""
    length = (ask.end - ask.start).days
    if length in (1, 7):
        shift = timedelta(days=length * age)
        return ask.start + shift, ask.end + shift
    start, end = ask.start, ask.end
    for _ in range(age):
        start, end = end, (end + timedelta(days=31)).replace(day=1)
    return start, end


def _active(books: Books, start: date, end: date, where: Where) -> int:
    """Users with an activity from one day until before another, in the place asked for."""
    return sum(
        any(
            start <= day < end and any(_is_member(cut, where) for cut in cuts)
            for day, cuts in user.days.items()
        )
        for user in books.sorted_out(users_of)
    )


def _is_member(cut: Cut, where: Where) -> bool:
    dimension, member = where
    return dimension is None or cut[dimension] == [(member, 1)]
