"""Seconds behind, worked out from the ends of a partition as they were seen."""

from hypothesis import given
from hypothesis import strategies as st

from events.outside_lag import REMEMBERED_LOOKS, EndHistory


def test_a_consumer_at_the_end_is_not_behind() -> None:
    history = EndHistory()

    assert history.seconds_behind(10, end=10, at=0.0) == 0.0
    assert history.seconds_behind(10, end=10, at=50.0) == 0.0


def test_time_counts_from_the_look_that_first_saw_the_record() -> None:
    history = EndHistory()
    history.seconds_behind(10, end=10, at=0.0)
    history.seconds_behind(10, end=11, at=2.0)
    history.seconds_behind(10, end=15, at=4.0)

    assert history.seconds_behind(10, end=15, at=30.0) == 28.0
    assert history.seconds_behind(11, end=15, at=30.0) == 26.0
    assert history.seconds_behind(15, end=15, at=30.0) == 0.0


def test_a_quiet_hour_before_a_record_is_not_lag() -> None:
    history = EndHistory()
    history.seconds_behind(7, end=7, at=0.0)

    assert history.seconds_behind(7, end=8, at=3_600.0) == 0.0
    assert history.seconds_behind(7, end=8, at=3_602.0) == 2.0


def test_what_is_remembered_is_bounded_and_then_told_too_small() -> None:
    history = EndHistory()
    looks = REMEMBERED_LOOKS + 1_000
    behind = [history.seconds_behind(0, end=n + 1, at=float(n)) for n in range(looks)]

    assert behind[-1] == REMEMBERED_LOOKS - 1


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=40))
def test_it_agrees_with_a_search_through_everything_seen(moves: list[tuple[int, int]]) -> None:
    history, seen, end, position = EndHistory(), [], 0, 0
    for at, (grown, read) in enumerate(moves):
        end += grown
        position = min(end, position + read)
        seen.append((at, end))
        expected = next((at - then for then, was in seen if was > position), 0)

        assert history.seconds_behind(position, end=end, at=float(at)) == expected
