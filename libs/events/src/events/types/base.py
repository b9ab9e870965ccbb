"""What all event types have in common, and the register of them.

Invariant: a wire type names exactly one class, for ever. Fields are only added,
with a default; a changed meaning is a new major version.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, ClassVar, Final

import msgspec

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128, description="opaque id")]
Code = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=80, description="short name within the company"),
]
Instant = Annotated[datetime, msgspec.Meta(tz=True, description="UTC instant, RFC 3339")]
Minutes = Annotated[int, msgspec.Meta(ge=0, le=1440, description="minutes of one day")]
Period = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(19|20|21)[0-9]{2}(-(Q[1-4]|0[1-9]|1[0-2]))?(?!\n)$",
        description="a year, quarter or month: 2026, 2026-Q4, 2026-11",
    ),
]

UNKNOWN: Final = "unknown"
"""Value of a dimension that a fact does not have; never dropped from totals."""


class EventData(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The payload of one event type. Subclasses set the class variables below.

    Consumers read tolerantly (unknown fields are ignored); producers can only
    write what the class holds. `gc=False`, here and in the values: an event is a
    tree, and the collector's walks cost more than all else in a large batch.
    """

    wire_type: ClassVar[str]
    """CloudEvents type, `com.tandem.<context>.<aggregate>.<past-tense>.v<major>`."""
    topic: ClassVar[str]
    """The topic that our own services publish it to."""
    from_partners: ClassVar[bool] = False
    """Whether partners may send it (it then comes on the topic `partner`)."""

    @property
    def subject(self) -> str:
        """Id of the aggregate that it happened to: the CloudEvents subject and the log's key."""
        raise NotImplementedError

    @property
    def counts_on(self) -> date | None:
        """The day that it says itself it is for; None where that is the day of the event's time.

        What is for a period (a target, a market size) has none: when a quarter begins is the
        company's to say, not the event's.
        """
        return None


class Superseded(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """An older major version of a type: read for ever, on the same topic under the same key.

    Decoding ends with the newest version (`events.upcasting`), so that nothing
    behind it ever sees an older one.
    """

    newer: ClassVar[type[EventData]]
    """The next major version."""

    def upcast(self) -> EventData:
        """The same event as `newer` says it: a pure function."""
        raise NotImplementedError


class Dimensions(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What a fact can be cut by, as of the fact's date; absent reads `unknown`.

    `region` is the sales territory: the team's, else the customer's.
    """

    team: Code | None = None
    channel: Code | None = None
    segment: Code | None = None
    sector: Code | None = None
    region: Code | None = None
    product: Code | None = None


class Owner(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One owner's part of a deal, in basis points; the parts of a deal sum to 10,000."""

    owner_id: Id
    weight_bp: Annotated[int, msgspec.Meta(gt=0, le=10_000)]
