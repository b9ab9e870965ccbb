"""Whose events are presumed new, and for how long a wrong presumption is remembered."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from events.inbox import Newcomers, Receipt
from events.partners import Incoming

EVENT = Incoming(
    id="1", source="/a", type="t", subject="s", time=datetime(2026, 3, 1, tzinfo=UTC), payload=b"{}"
)
OTHER = msgspec.structs.replace(EVENT, source="/b")
NEW = Receipt("accepted", "s", 1)


def test_a_source_is_presumed_to_send_new_events_until_it_does_not() -> None:
    now = 0.0
    newcomers = Newcomers(lambda: now)
    for known in (Receipt("duplicate", "s", 1), Receipt("accepted", "s", 2), Receipt("conflict")):
        assert newcomers.presumes([EVENT, OTHER])
        newcomers.learn([OTHER, EVENT], [NEW, known])
        assert not newcomers.presumes([EVENT, OTHER])
        assert newcomers.presumes([OTHER])
        now += 601.0


def test_what_voids_is_about_something_known() -> None:
    voiding = msgspec.structs.replace(EVENT, subject=None, voids="0")
    assert not Newcomers().presumes([OTHER, voiding])
