"""The trace that a request or event belongs to, as W3C `traceparent`."""

import re
import secrets
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16


@dataclass(frozen=True, slots=True)
class Trace:
    """One hop of a trace."""

    trace_id: str
    span_id: str
    flags: str = "01"

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"

    @classmethod
    def begin(cls) -> "Trace":
        return cls(trace_id=secrets.token_hex(16), span_id=secrets.token_hex(8))

    @classmethod
    def following(cls, traceparent: str | None) -> "Trace":
        """The next hop after `traceparent`; a new trace if that is missing or broken."""
        found = _TRACEPARENT.fullmatch(traceparent or "")
        if found is None or found[1] == _NO_TRACE or found[2] == _NO_SPAN:
            return cls.begin()
        return cls(trace_id=found[1], span_id=secrets.token_hex(8), flags=found[3])


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def current() -> Trace:
    """The trace of what is being done now; begun if there is none."""
    trace = _current.get()
    if trace is None:
        trace = Trace.begin()
        _current.set(trace)
    return trace


def follow(traceparent: str | None) -> Trace:
    """Make everything that this task does from now on part of that trace."""
    trace = Trace.following(traceparent)
    _current.set(trace)
    return trace


def known() -> Trace | None:
    """The trace of what is being done now, None if there is none."""
    return _current.get()
