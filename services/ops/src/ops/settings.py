"""What the ops service is told from outside."""

from __future__ import annotations

from typing import ClassVar

from chassis.settings import Port, ServiceSettings


class Settings(ServiceSettings):
    service: ClassVar[str] = "ops"
    port: Port = 8103
    telemetry_port: Port = 9103
