"""What can go wrong with events, in three kinds.

Data errors (`DataError`) belong to one record: it is parked and the others flow.
Infrastructure errors (`LogUnavailable`) are retried and never skipped. The rest
end the process, because going on would lose or repeat events.
"""

from __future__ import annotations


class EventsError(Exception):
    """Base of all errors of this library: a fact, and a hint on how to mend it."""

    def __init__(self, fact: str, *, hint: str = "") -> None:
        super().__init__(f"{fact}; {hint}" if hint else fact)
        self.fact = fact
        self.hint = hint


class DataError(EventsError):
    """One record is at fault.

    What is said of its event stands beside that: `events.event.SchemaViolation`,
    `events.consumer.received.Unprocessable`.
    """

    reason = "unprocessable"


class Undecodable(DataError):
    """The record is no CloudEvent that we can read: not even its identity is certain.

    `field` names the attribute that is at fault (empty for the whole).
    """

    reason = "undecodable"

    def __init__(self, fact: str, *, hint: str = "", field: str = "") -> None:
        super().__init__(fact, hint=hint)
        self.field = field


class AttributeUnusable(Undecodable):
    """One attribute of the envelope is at fault, by its name."""

    def __init__(self, name: str, fact: str, *, hint: str) -> None:
        super().__init__(f"attribute {name[:80]} {fact}", hint=hint, field=name)


class EventTooLarge(EventsError):
    """An event is larger than the log would take; refused before it is promised."""


class LogUnavailable(EventsError):
    """The log does not answer at present; trying again may help."""


class PublishFailed(EventsError):
    """The producer is in an unknown state: only a new process may publish again."""


class TopicMissing(EventsError):
    """A topic is not there; topics are never made by using them."""


class LogChanged(EventsError):
    """The log is not the one that was read before: recreated, truncated or cut.

    Going on would skip or repeat events without notice, so the process stops.
    """


class ConsumerStuck(EventsError):
    """There is work but nothing gets done: only a new process is known to help."""


class Fenced(EventsError):
    """Another process has claimed the partition; what was computed here is void."""
