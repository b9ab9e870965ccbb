"""What partners send: read strictly, judged event by event, never trusted."""

from __future__ import annotations

from events.partners.http import TooManyEvents, UnreadableBody, UnsupportedContentType, read_http
from events.partners.incoming import Incoming, Rejected, Terms

__all__ = [
    "Incoming",
    "Rejected",
    "Terms",
    "TooManyEvents",
    "UnreadableBody",
    "UnsupportedContentType",
    "read_http",
]
