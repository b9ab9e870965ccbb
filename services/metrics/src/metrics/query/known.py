"""How far the figures are known: the watermark, and whether anything is held back."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from events import Connection
from metrics.engine.company import SECOND, Company, micros_of
from metrics.engine.sums import Known

CONSUMER: Final = "metrics"

_STATE: Final = """
SELECT min(watermark) AS watermark,
       count(*) > 0 AND count(*) = count(watermark) FILTER (WHERE stopped IS NULL) AS flowing,
       EXISTS (SELECT FROM consumer_parked WHERE consumer = $1) AS parked
FROM consumer_positions WHERE consumer = $1"""


async def read_known(
    connection: Connection, company: Company, *, as_of: int | None = None
) -> tuple[Known, datetime | None]:
    """What is known now, or was as of a second; and the watermark as it is now.

    Incomplete while an event is parked, a partition stands, or one was never read.
    """
    row = await connection.fetchrow(_STATE, CONSUMER)
    assert row is not None
    watermark: datetime | None = row["watermark"]
    until = None if watermark is None else micros_of(watermark)
    if until is not None and as_of is not None:
        until = min(until, (as_of + 1) * SECOND)
    return Known(company, until, row["flowing"] and not row["parked"]), watermark
