"""Topics as declared in deploy/kafka/topics.yaml, and bringing a log in line with them.

Invariant: applying creates and grows, and never shrinks, empties or deletes.
"""

from __future__ import annotations

from pathlib import Path

import msgspec


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What an application did, and what differs that it must not mend by itself."""

    created: list[str]
    grown: list[str]
    unchanged: list[str]
    drift: list[str]
    """One sentence each."""


async def apply(log_url: str, path: Path) -> Applied:
    """Make the topics of the file on the log; can be repeated at any time."""
    raise NotImplementedError
