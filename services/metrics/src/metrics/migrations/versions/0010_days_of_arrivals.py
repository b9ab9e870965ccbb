"""Arrivals know the days that costs, hours and rates say themselves they are for.

The journal is read again where such events have arrived. Its blocks are read with a decoder of
this file's own: a migration must not change when the code does.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, Final

import msgspec
from alembic import op
from sqlalchemy import text

from events import schema_sql

revision = "0010"
down_revision = "0009"

_BLOCKS_AT_ONCE: Final = 200


class _Stated(msgspec.Struct):
    incurred_on: date | None = None
    work_date: date | None = None
    valid_from: date | None = None
    rate_on: date | None = None


_STATES_ITS_DAY: Final = {
    "com.tandem.ops.cost.recorded.v1": "incurred_on",
    "com.tandem.ops.campaign.cost_recorded.v1": "incurred_on",
    "com.tandem.ops.time.logged.v1": "work_date",
    "com.tandem.ops.capacity.set.v1": "work_date",
    "com.tandem.ops.process.baselined.v1": "valid_from",
    "com.tandem.partner.fx.rate_published.v1": "rate_on",
}
_decode_stated: Final = msgspec.json.Decoder(_Stated).decode

_COLUMNS: Final = """
ALTER TABLE arrivals ADD COLUMN first_on date, ADD COLUMN last_on date;
COMMENT ON COLUMN arrivals.first_on IS 'of the days that events of the type say they are for'
"""

_THERE_ARE: Final = "SELECT EXISTS (SELECT FROM arrivals WHERE type = ANY(:types))"
_JOURNAL: Final = "DECLARE journal_read CURSOR FOR SELECT body FROM journal ORDER BY id"
_SET: Final = """
UPDATE arrivals SET first_on = :first, last_on = :last WHERE type = :type AND source = :source"""


def upgrade() -> None:
    connection = op.get_bind()
    found: dict[tuple[str, str], tuple[date, date]] = {}
    if connection.execute(text(_THERE_ARE), {"types": list(_STATES_ITS_DAY)}).scalar():
        connection.execute(text(_JOURNAL))
        fetch = text(f"FETCH {_BLOCKS_AT_ONCE} FROM journal_read")
        while blocks := connection.execute(fetch).all():
            _note([body for (body,) in blocks], found)
        connection.execute(text("CLOSE journal_read"))
    # Only now, since it makes whoever folds wait.
    for statement in schema_sql.statements(_COLUMNS):
        op.execute(statement)
    for (wire_type, source), (first, last) in sorted(found.items()):
        row = {"type": wire_type, "source": source, "first": first, "last": last}
        connection.execute(text(_SET), row)


def _note(blocks: Iterable[bytes], found: dict[tuple[str, str], tuple[date, date]]) -> None:
    for block in blocks:
        for kind, on in _days(msgspec.msgpack.decode(zlib.decompress(block))):
            first, last = found.get(kind, (on, on))
            found[kind] = min(first, on), max(last, on)


def _days(lines: Iterable[Sequence[Any]]) -> Iterator[tuple[tuple[str, str], date]]:
    for _, _, source, _, _, _, wire_type, _, _, data in lines:
        field = _STATES_ITS_DAY.get(wire_type)
        if field is not None:
            yield (wire_type, source), getattr(_decode_stated(data), field)


def downgrade() -> None:
    raise NotImplementedError("forward only: restore a backup to go back")
