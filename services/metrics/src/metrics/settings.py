"""What the metrics service is told from outside."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from chassis.settings import Port, ServiceSettings
from metrics.engine.working_hours import parse_working_hours


def _refuse_other_hours(text: str) -> str:
    parse_working_hours(text)
    return text


class Settings(ServiceSettings):
    """`worker_slot` tells workers apart: each adds to cells of its own shard.

    `rebuild_switch` says whether figures that a changed release or setting asks for go
    live when they are made, or wait for somebody to compare them and say so.
    """

    service: ClassVar[str] = "metrics"
    port: Port = 8104
    telemetry_port: Port = 9104
    working_hours: Annotated[str, AfterValidator(_refuse_other_hours)] = "Mon-Fri 09:00-18:00"
    """By the local clock; what the time until an answer is counted in."""
    fiscal_year_first_month: Annotated[int, Field(ge=1, le=12)] = 1
    """Quarters and years begin with it; a year bears the number of the one that it ends in."""
    worker_slot: Annotated[int, Field(ge=0, le=999)] = 0
    rebuild_switch: Literal["automatically", "by_hand"] = "automatically"
