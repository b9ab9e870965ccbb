"""What the pipeline service is told from outside."""

from __future__ import annotations

from typing import ClassVar

from chassis.settings import Port, ServiceSettings


class Settings(ServiceSettings):
    """Ports of the local stack; everything else as every service is told."""

    service: ClassVar[str] = "pipeline"
    port: Port = 8102
    telemetry_port: Port = 9102
