"""What the customer service is told from outside."""

from __future__ import annotations

from typing import ClassVar

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    service: ClassVar[str] = "customer"
