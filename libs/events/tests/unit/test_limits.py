"""When a partition stops because too much is rejected."""

from events import ConsumerSettings
from events.consumer.limits import RejectionLimits

SETTINGS = ConsumerSettings(parked_window=100, parked_ratio_limit=0.05, parked_consecutive_limit=3)


def test_a_row_of_rejections_counts_across_batches() -> None:
    limits = RejectionLimits(SETTINGS)
    limits.record(4, [2, 3])

    assert limits.exceeded_by(3, [0]) is None
    assert "in a row" in str(limits.exceeded_by(3, [0, 1]))


def test_a_good_record_ends_the_row() -> None:
    limits = RejectionLimits(SETTINGS)
    limits.record(4, [2, 3])
    limits.record(1, [])

    assert limits.exceeded_by(3, [0, 1, 2]) is None


def test_the_share_is_that_of_the_window_and_old_rejections_leave_it() -> None:
    limits = RejectionLimits(SETTINGS)
    limits.record(20, [0, 4, 8, 12, 16])

    assert "of the last 100" in str(limits.exceeded_by(10, [5]))
    assert limits.exceeded_by(200, [150]) is None
    limits.record(85, [])
    assert limits.exceeded_by(10, [5]) is None
