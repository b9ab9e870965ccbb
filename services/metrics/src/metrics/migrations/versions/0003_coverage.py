"""Arrivals: which types of events came from whom, counted from the journal for what is there.

The journal's blocks are read with a decoder of this file's own: a migration must not
change when the code does.
"""

import zlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from alembic import op
from sqlalchemy import text

revision = "0003"
down_revision = "0002"

_BLOCKS_AT_ONCE = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAY_STAND_UNDER_SEVERAL_FACTS = ("event.voided", "payment.refunded")

_TABLE = """
CREATE TABLE arrivals (
    type              text COLLATE "C" NOT NULL,
    source            text COLLATE "C" NOT NULL,
    shard             integer NOT NULL,
    events            bigint NOT NULL,
    first_occurred_at timestamptz NOT NULL,
    last_occurred_at  timestamptz NOT NULL,
    last_recorded_at  timestamptz NOT NULL,
    PRIMARY KEY (type, source, shard)
) WITH (fillfactor = 50)"""

_COMMENT = "COMMENT ON TABLE arrivals IS 'applied events by type and source, one row a worker'"

_OLD = "DECLARE old CURSOR FOR SELECT body FROM journal ORDER BY id"

_ADD = """
INSERT INTO arrivals VALUES (:type, :source, 0, :events, :first, :last, :recorded)"""


def upgrade() -> None:
    op.execute(_TABLE)
    op.execute(_COMMENT)
    connection = op.get_bind()
    connection.execute(text(_OLD))
    counted: dict[tuple[str, str], list[int]] = {}
    seen: set[tuple[str, str, int]] = set()
    while blocks := connection.execute(text(f"FETCH {_BLOCKS_AT_ONCE} FROM old")).all():
        for (body,) in blocks:
            _count(msgspec.msgpack.decode(zlib.decompress(body)), counted, seen)
    connection.execute(text("CLOSE old"))
    for (wire_type, source), (events, first, last, recorded) in sorted(counted.items()):
        row = {"type": wire_type, "source": source, "events": events}
        times = {"first": _instant(first), "last": _instant(last), "recorded": _instant(recorded)}
        connection.execute(text(_ADD), row | times)


def _count(
    lines: Iterable[Any],
    counted: dict[tuple[str, str], list[int]],
    seen: set[tuple[str, str, int]],
) -> None:
    for _, _, source, subject, sequence, _, wire_type, occurred, recorded, _ in lines:
        if any(name in wire_type for name in _MAY_STAND_UNDER_SEVERAL_FACTS):
            place = (source, subject, sequence)
            if place in seen:
                continue
            seen.add(place)
        known = counted.get((wire_type, source))
        if known is None:
            counted[wire_type, source] = [1, occurred, occurred, recorded]
        else:
            known[0] += 1
            known[1] = min(known[1], occurred)
            known[2] = max(known[2], occurred)
            known[3] = max(known[3], recorded)


def _instant(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def downgrade() -> None:
    raise NotImplementedError("forward only: restore a backup to go back")
