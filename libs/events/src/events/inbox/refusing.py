"""Filing what was refused, so that its sender can read why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from events.consumer.received import Connection
from events.inbox.statements import REFUSE

_MOST_KEPT: Final = 16 * 1024
"""Bytes kept of what was refused: enough to recognise it, too little to fill a disk with."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """An event that was not taken, filed under a source of its sender."""

    source: str
    verdict: Literal["conflict", "rejected"]
    problem: Mapping[str, Any]
    """The members of the problem document that the sender got."""
    content: bytes
    id: str | None = None
    type: str | None = None
    time: datetime | None = None


async def file_refused(
    connection: Connection, refused: Sequence[Refused], *, received_at: datetime, zone: str = "UTC"
) -> None:
    """Give each a position in its source's feed, in one statement."""
    if not refused:
        return
    rows = [
        (
            one.source,
            one.verdict,
            _text(one.id, most=512),
            _text(one.type, most=512),
            one.time,
            _text(one.content[:_MOST_KEPT].decode(errors="replace")),
            msgspec.json.encode(one.problem).decode().replace("\\u0000", "�"),
        )
        for one in refused
    ]
    columns = [list(column) for column in zip(*rows, strict=True)]
    await connection.execute(REFUSE, *columns, received_at, zone)


def _text(text: str | None, *, most: int | None = None) -> str | None:
    """What a database can hold of a stranger's text."""
    return None if text is None else text[:most].replace("\x00", "�")
