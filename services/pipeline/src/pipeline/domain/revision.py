"""Owns the memory of a deal: one revision per version, with what changed and the step it made.

Invariant: the steps of a deal tile its life. Each is left at the moment that
the next is entered; the last one is not left, unless the deal was deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from events.types import EventData
from events.types.pipeline import DealDeleted, DealReopened
from pipeline.domain.deal import Deal

TRACKED_FIELDS: Final = (
    "status",
    "stage",
    "amount",
    "owners",
    "team",
    "closed_at",
    "episode",
    "name",
    "customer_id",
    "product",
    "channel",
    "list_value",
    "expected_close_on",
    "lost_reason",
    "competitor",
    "lost_note",
)
"""What a person would call a change of the deal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A stay in a stage, until `left_at`."""

    deal_id: str
    version: int
    """The deal's version that entered the stage."""
    episode: int
    from_stage: str | None
    stage: str
    entered_at: datetime
    left_at: datetime | None
    actor: str
    override_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One accepted command: the deal before and after, and the event that says so."""

    before: Deal | None
    after: Deal
    event: EventData
    by: str
    because: str | None = None
    """What was written about it. It stays here: events carry no free text."""

    @property
    def leaves(self) -> bool:
        """Whether the stay in the stage before ended."""
        return self.before is not None and (
            self.before.stage != self.after.stage or self.after.status == "deleted"
        )

    @property
    def step(self) -> Step | None:
        """The stay that began with this revision."""
        before, after = self.before, self.after
        if before is not None and before.stage == after.stage:
            return None
        return Step(
            deal_id=after.id,
            version=after.version,
            episode=after.episode,
            from_stage=None if before is None else before.stage,
            stage=after.stage,
            entered_at=after.changed_at,
            left_at=None,
            actor=self.by,
            override_reason=self.because if getattr(self.event, "overridden", False) else None,
        )

    @property
    def reason(self) -> str | None:
        """Why, where the command asked for it: a code when lost, else what was written."""
        if isinstance(self.event, DealReopened | DealDeleted):
            return self.because
        return getattr(self.event, "reason", None)

    @property
    def kind(self) -> str:
        """The event's short name, as `deal.won`."""
        return ".".join(self.event.wire_type.split(".")[-3:-1])

    @property
    def changed(self) -> dict[str, list[Any]]:
        """Field to [before, after], as JSON values; empty for an opening."""
        before, after = self.before, self.after
        if before is None:
            return {}
        return {
            field: [_plain(getattr(before, field)), _plain(getattr(after, field))]
            for field in TRACKED_FIELDS
            if getattr(before, field) != getattr(after, field)
        }


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)
