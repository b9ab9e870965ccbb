"""The inbox: a partner's event is taken once, whatever the partner repeats, and can be read back.

Invariant: (source, id) names one content for ever. The same again is a
duplicate, another content under the same id is a conflict that is shown and
never taken. Accepted events get the next sequence of their (source, subject),
so that consumers treat them like our own; everything filed, taken or refused,
gets the next position of its source, in order of commit, so that a reader who
goes on after a position misses nothing.
"""

from __future__ import annotations

from events.inbox.newcomers import Newcomers
from events.inbox.numbering import Receipt, Verdict
from events.inbox.receiving import receive
from events.inbox.refusing import Refused, file_refused
from events.inbox.statements import TOPIC

__all__ = ["TOPIC", "Newcomers", "Receipt", "Refused", "Verdict", "file_refused", "receive"]
