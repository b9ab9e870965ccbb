import uuid
from time import time

import pytest

from events import uuid7


def test_ids_are_version_7_and_only_grow() -> None:
    made = [uuid7() for _ in range(5_000)]

    assert made == sorted(set(made))
    first = uuid.UUID(made[0])
    assert first.version == 7
    assert first.variant == uuid.RFC_4122
    assert abs((first.int >> 80) / 1000 - time()) < 5


def test_a_clock_that_goes_back_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    before = uuid7()
    monkeypatch.setattr("time.time_ns", lambda: 0)

    assert uuid7() > before
