"""What the metrics service is told from outside."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from chassis.settings import Port, ServiceSettings


class Settings(ServiceSettings):
    """`worker_slot` tells workers apart: each adds to cells of its own shard.

    `rebuild_switch` says whether figures that a changed release or setting asks for go
    live when they are made, or wait for somebody to compare them and say so.
    """

    service: ClassVar[str] = "metrics"
    port: Port = 8104
    telemetry_port: Port = 9104
    worker_slot: Annotated[int, Field(ge=0, le=999)] = 0
    rebuild_switch: Literal["automatically", "by_hand"] = "automatically"
