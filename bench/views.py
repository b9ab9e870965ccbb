"""A narrow fold: sums of won deals by day and owner, channel, region.

The same records can be read by any other stream processor. Topic: four
partitions, keyed by deal. Value: a CloudEvent in JSON of about 640 bytes, of which
a fold needs `data.deal.closed_at` (its first ten characters are the day),
`data.deal.owners[0].owner_id`, `data.deal.dimensions.channel` and `.region`, and
`data.deal.amount.amount_minor`. Keys are drawn uniformly from 30 days, 100
owners, 12 channels and 24 regions; every deal comes once, as sequence 1.
"""

from __future__ import annotations

import random
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias

import msgspec

from events import Connection, Dimensions, EventData, EventLike, Money, Owner
from events.types.pipeline import DealState, DealWon

PARTITIONS: Final = 4
DAYS, OWNERS, CHANNELS, REGIONS = 30, 100, 12, 24
_FIRST_DAY: Final = datetime(2026, 1, 1, 9, tzinfo=UTC)

VIEWS_SQL: Final = """
CREATE TABLE IF NOT EXISTS view_sums (
    view         smallint NOT NULL,
    day          integer NOT NULL,
    member       integer NOT NULL,
    deals        bigint NOT NULL,
    amount_minor bigint NOT NULL,
    PRIMARY KEY (view, day, member)
) WITH (fillfactor = 60)"""

_ADD: Final = """
INSERT INTO view_sums AS v (view, day, member, deals, amount_minor)
SELECT * FROM unnest($1::smallint[], $2::int[], $3::int[], $4::bigint[], $5::bigint[])
ON CONFLICT (view, day, member) DO UPDATE
SET deals = v.deals + excluded.deals, amount_minor = v.amount_minor + excluded.amount_minor"""

Views = Literal[1, 3]

Amounts: TypeAlias = defaultdict[str, list[int]]
"""Of the deals of one day, by member of a view."""

Sums: TypeAlias = dict[tuple[int, int, int], tuple[int, int]]
"""(view, day as an ordinal, member) to (deals, amount)."""


class _Seller(msgspec.Struct, gc=False):
    owner_id: str


class _Cuts(msgspec.Struct, gc=False):
    channel: str
    region: str


class _Amount(msgspec.Struct, gc=False):
    amount_minor: int


class _OwnedSale(msgspec.Struct, gc=False):
    closed_at: datetime
    owners: list[_Seller]
    amount: _Amount


class _Sale(_OwnedSale, gc=False):
    dimensions: _Cuts


class OwnedSaleMade(EventData, frozen=True, kw_only=True):
    """What the fold of one view reads of a `deal.won`."""

    wire_type = DealWon.wire_type

    deal: _OwnedSale


class SaleMade(EventData, frozen=True, kw_only=True):
    """What that of three views reads of it."""

    wire_type = DealWon.wire_type

    deal: _Sale


def read_by(views: Views) -> type[EventData]:
    """What a fold of so many views reads."""
    return SaleMade if views == 3 else OwnedSaleMade


class ViewSums:
    """What a batch adds to the rows of one view or of three: one statement for all."""

    def __init__(self, *, views: Views = 3) -> None:
        self._wide = views == 3
        self._days: defaultdict[int, tuple[Amounts, Amounts, Amounts]] = defaultdict(
            lambda: (defaultdict(list), defaultdict(list), defaultdict(list))
        )

    def add(self, events: Sequence[EventLike]) -> None:
        """Amounts are put together by day and member, and added up when they are saved: appending
        a number costs half of adding it to two sums.
        """
        days, wide = self._days, self._wide
        for event in events:
            deal = event.data.deal  # type: ignore[attr-defined]
            by_owner, by_channel, by_region = days[deal.closed_at.toordinal()]
            amount = deal.amount.amount_minor
            by_owner[deal.owners[0].owner_id].append(amount)
            if wide:
                cuts = deal.dimensions
                by_channel[cuts.channel].append(amount)
                by_region[cuts.region].append(amount)

    async def save(self, connection: Connection) -> None:
        rows = sorted(  # in one order for all workers, or two could deadlock
            (view, day, int(member[1:]), len(amounts), sum(amounts))
            for day, views in self._days.items()
            for view, members in enumerate(views)
            for member, amounts in members.items()
        )
        await connection.execute(_ADD, *(list(column) for column in zip(*rows, strict=True)))


def deals(count: int, *, seed: int = 1) -> Iterator[DealState]:
    """The deals of a load, the same for the same seed."""
    draw = random.Random(seed)
    for _ in range(count):
        closed_at = _FIRST_DAY + timedelta(days=draw.randrange(DAYS))
        yield DealState(
            deal_id=str(uuid.UUID(int=draw.getrandbits(128))),
            pipeline="standard",
            stage="won",
            stage_rank=5,
            status="won",
            episode=1,
            created_at=closed_at - timedelta(days=20),
            closed_at=closed_at,
            owners=[Owner(owner_id=f"o{draw.randrange(OWNERS)}", weight_bp=10_000)],
            dimensions=Dimensions(
                channel=f"c{draw.randrange(CHANNELS)}", region=f"r{draw.randrange(REGIONS)}"
            ),
            amount=Money(amount_minor=draw.randrange(10_000, 5_000_000), currency="USD"),
        )


async def held(connection: Connection) -> Sums:
    """What the rows hold."""
    rows = await connection.fetch("SELECT view, day, member, deals, amount_minor FROM view_sums")
    return {(row[0], row[1], row[2]): (row[3], row[4]) for row in rows}
