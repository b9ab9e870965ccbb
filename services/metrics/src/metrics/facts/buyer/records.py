"""What deals, orders, users and customers tell the buyer behind them.

A deal or order that names no customer has a buyer of its own: it is new business, and
nobody knows who bought. So it is revenue and went through a funnel, but it is no customer.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from uuid import UUID

import msgspec

from metrics.engine.dimension import NUMBERS, Cut
from metrics.engine.fact import Ref, Report
from metrics.engine.routing import keyed

BUYER: Final = "buyer"
BUYER_DIMENSIONS: Final = ("owner", "team", "channel", "segment", "region", "product")
NAMELESS: Final = "~"
"""Before the teller of a sale that names no customer."""
PASSED_ON: Final = "\x1f"
"""Between the buyers that a record came through, and who told it."""


class Dealt(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="deal"):
    """A deal: instants in microseconds, amounts in base minor units (None: unpriced).

    `net` is what remained after refunds; `kept` is false when all of it went back. `today` is the
    cut that the deal has by now, where it was handed over after its closing.
    """

    created: int
    closed: int | None
    won: bool
    cut: Cut
    base: int | None = None
    net: int | None = None
    kept: bool = True
    today: Cut | None = None
    listed: int | None = None
    """What it would have cost without a discount, where that is known."""


class Ordered(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="order"):
    """An order that was paid."""

    paid: int
    cut: Cut
    base: int | None
    net: int | None
    kept: bool


class Active(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="active"):
    """The customer used what we offer on a business day."""

    day: int


class Merged(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="merged"):
    """The customer turned out to be another one, whose buyer has this key."""

    survivor: str


Told = Dealt | Ordered | Active | Merged


_KEPT_PLACES = tuple(NUMBERS[name] - 1 for name in BUYER_DIMENSIONS)


def buyer_cut(cut: Cut) -> Cut:
    """What buyers are cut by, of a sale's cut."""
    return tuple(member if n in _KEPT_PLACES else None for n, member in enumerate(cut))


def buyer_key(customer_id: str, *, source: str) -> str:
    """The buyer of a customer. Partners can name our customers by the ids that we gave them."""
    return customer_id if _is_ours(customer_id) else keyed(source, customer_id)


def to_buyer(key: str | None, reporter: Ref, told: Told, *, part: str = "") -> Report:
    """Tell the buyer of a sale; one that names no customer has a buyer of its own.

    `part` tells apart what one reporter has to say.
    """
    slot = f"{reporter.kind}/{reporter.key}" + (f"#{part}" if part else "")
    if key is None:
        slot = key = f"{NAMELESS}{slot}"
    return Report(Ref(BUYER, key), slot, told)


@lru_cache(maxsize=65_536)
def _is_ours(customer_id: str) -> bool:
    try:
        return UUID(customer_id).version == 7
    except ValueError:
        return False
