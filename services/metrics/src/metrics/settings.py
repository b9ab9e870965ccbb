"""What the metrics service is told from outside."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from chassis.settings import Port, ServiceSettings


class Settings(ServiceSettings):
    """`worker_slot` tells workers apart: each adds to cells of its own shard."""

    service: ClassVar[str] = "metrics"
    port: Port = 8104
    telemetry_port: Port = 9104
    worker_slot: Annotated[int, Field(ge=0, le=999)] = 0
