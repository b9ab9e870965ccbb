"""The curve of planned value."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from events.money import Money
from ops.domain.plan import MAX_POINTS, WorkSlice, planned_values

FIRST = date(2026, 3, 2)

SLICES = st.lists(
    st.builds(
        lambda start, length, share: WorkSlice(
            first_on=FIRST + timedelta(days=start),
            last_on=FIRST + timedelta(days=start + length),
            share=share,
        ),
        st.integers(0, 60),
        st.integers(0, 60),
        st.integers(0, 5_000),
    ),
    min_size=1,
    max_size=150,
)


@given(SLICES, st.integers(0, 10**15))
def test_the_curve_rises_from_nothing_to_the_whole_budget(
    work: list[WorkSlice], budget: int
) -> None:
    curve = planned_values(Money(amount_minor=budget, currency="USD"), work)
    values = [point.value_minor for point in curve]
    assert values[0] == 0
    assert values[-1] == budget
    assert values == sorted(values)
    assert len(curve) <= MAX_POINTS
    assert [point.on for point in curve] == sorted({point.on for point in curve})


@given(SLICES, st.integers(0, 10**9))
def test_each_point_is_the_exact_share_of_the_days_gone(work: list[WorkSlice], budget: int) -> None:
    total = sum(piece.share for piece in work)
    for point in planned_values(Money(amount_minor=budget, currency="USD"), work):
        exact = Fraction(0)
        for piece in work:
            part = Fraction(piece.share, total) if total else Fraction(1, len(work))
            gone = sum(
                piece.first_on + timedelta(days=day) <= point.on for day in range(piece.days)
            )
            exact += budget * part * Fraction(gone, piece.days)
        assert abs(point.value_minor - exact) <= Fraction(1001, 2000)


def test_work_in_two_steps_shows_the_pause_between_them() -> None:
    work = [
        WorkSlice(first_on=date(2026, 3, 2), last_on=date(2026, 3, 3), share=1),
        WorkSlice(first_on=date(2026, 3, 9), last_on=date(2026, 3, 9), share=3),
    ]
    curve = planned_values(Money(amount_minor=400, currency="USD"), work)
    assert [(point.on.day, point.value_minor) for point in curve] == [
        (1, 0),
        (3, 100),
        (8, 100),
        (9, 400),
    ]
