from typing import ClassVar

from chassis.settings import Port, ServiceSettings


class Settings(ServiceSettings):
    service: ClassVar[str] = "sample"
    port: Port = 0
    telemetry_port: Port = 0
    colours: tuple[str, ...] = ()
    dies_after_seconds: float | None = None
    """Makes a background task die, to see how the process ends."""
