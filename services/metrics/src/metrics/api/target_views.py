"""How a value is told beside its target."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chassis.types import StrictModel
from metrics.engine.units import Number
from metrics.query.targets import AgainstTarget


class TargetOfRow(StrictModel):
    """A value beside its target; all null, with a `reason`, where none is set. Of a target of 0
    nothing can be a share.
    """

    target: Number | None
    to_date: Annotated[
        Number | None,
        Field(description="the part due by the working days begun, of what adds up over time"),
    ]
    attainment: Annotated[float | None, Field(description="value / target")]
    pace: Annotated[float | None, Field(description="value / to_date: 1 is on schedule")]
    run_rate: Annotated[
        Number | None, Field(description="what the period comes to if it goes on like this")
    ]
    on_track: Annotated[bool | None, Field(description="whether the run rate meets the target")]
    reason: Literal["no_target", "no_denominator"] | None
    facts: Annotated[list[str], Field(description="the targets that it is, as target/0193…")]

    @classmethod
    def of(cls, told: AgainstTarget) -> TargetOfRow:
        return cls.model_construct(
            target=told.target,
            to_date=told.to_date,
            attainment=told.attainment,
            pace=told.pace,
            run_rate=told.run_rate,
            on_track=told.on_track,
            reason=_reason(told),
            facts=[f"target/{key}" for key in told.keys],
        )


def _reason(told: AgainstTarget) -> Literal["no_target", "no_denominator"] | None:
    if told.target is None:
        return "no_target"
    return "no_denominator" if told.target == 0 else None
