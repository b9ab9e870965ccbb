"""Events of the context `heartbeat`: they carry no business, they prove that events travel."""

from __future__ import annotations

from events.types.base import Code, EventData, Id


class BeatEmitted(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """A process wrote this to its outbox; how old the last one is, is how far the path is behind.

    Every process is an aggregate of its own, so it can count its beats without asking a table.
    """

    wire_type = "com.tandem.heartbeat.beat.emitted.v1"
    topic = "heartbeat"

    service: Code
    process: Id

    @property
    def subject(self) -> str:
        return self.process
