"""The wire form of a live stream (server-sent events), and where a client may resume.

A position names the figures that the client holds, one part per KPI in the
order asked for. It depends on nothing in this process: any gateway, also one
that has just started, can tell whether the client's figures are still current.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.kpi.query import AnswerKey

RETRY: Final = b"retry: 1000\n\n"
HEARTBEAT: Final = b": heartbeat\n\n"
_UNSENT: Final = "-"


class Position:
    """What the client has of each KPI, as the events' ids say it."""

    def __init__(self, keys: Sequence[AnswerKey], last_event_id: str | None) -> None:
        parts = (last_event_id or "").split(".")
        # An id of other questions, or no id of ours, means that nothing is known to be there.
        known = parts if len(parts) == len(keys) else [_UNSENT] * len(keys)
        self._parts = dict(zip(keys, known, strict=True))

    def holds(self, key: AnswerKey, position: str) -> bool:
        """Whether the client has these figures already."""
        return self._parts[key] == position

    def move(self, key: AnswerKey, position: str) -> str:
        """Note what is sent now; the id of the event that sends it."""
        self._parts[key] = position
        return ".".join(self._parts.values())


def event(name: str, data: bytes, *, event_id: str) -> bytes:
    """One event; a line break inside the data would end it, hence one `data:` per line."""
    lines = b"".join(b"data: %b\n" % line for line in data.splitlines())
    return b"id: %b\nevent: %b\n%b\n" % (event_id.encode(), name.encode(), lines)


def closing(reason: str) -> bytes:
    """The last event of a stream: why it ends. It has no id, so that the client resumes."""
    return b'event: closing\ndata: {"reason":"%b"}\n\n' % reason.encode()
