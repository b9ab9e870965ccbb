"""Events of processes (context `ops`): how work is done again and again, and how well."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec

from events.money import Money
from events.types.base import Code, Dimensions, EventData, Id, Instant

RunMinutes = Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]


class ProcessBaselined(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """What one unit of a process took and cost before it was improved, from a day on."""

    wire_type = "com.tandem.ops.process.baselined.v1"
    topic = "ops"
    from_partners = True

    process: Code
    valid_from: date
    baseline_minutes: RunMinutes
    unit_cost: Money | None = None
    team: Code | None = None

    @property
    def subject(self) -> str:
        return self.process

    @property
    def counts_on(self) -> date:
        return self.valid_from


class ProcessRunCompleted(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """A process was run through; the event's time is its end.

    `touch_minutes` is the work in it, `units` what came out, `opportunities` the
    places where an error could have been made.
    """

    wire_type = "com.tandem.ops.process_run.completed.v1"
    topic = "ops"
    from_partners = True

    run_id: Id
    process: Code
    started_at: Instant
    touch_minutes: RunMinutes
    units: Count = 1
    opportunities: Count = 1
    reworked: bool = False
    dimensions: Dimensions = Dimensions()

    @property
    def subject(self) -> str:
        return self.run_id


class DefectReported(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """Something was done wrong; it counts where it was made, the event's time says when found.

    `found_in` says whether `found_in_id` is a process run, a project or a deal, of
    the same source.
    """

    wire_type = "com.tandem.ops.defect.reported.v1"
    topic = "ops"
    from_partners = True

    defect_id: Id
    found_in: Literal["process_run", "project", "deal"]
    found_in_id: Id
    severity: Literal["minor", "major", "critical"]

    @property
    def subject(self) -> str:
        return self.defect_id
