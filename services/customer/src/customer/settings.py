"""What the customer service is told from outside."""

from __future__ import annotations

from typing import ClassVar

from chassis.settings import Port, ServiceSettings


class Settings(ServiceSettings):
    service: ClassVar[str] = "customer"
    port: Port = 8101
    telemetry_port: Port = 9101
