"""What the gateway is told from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, StringConstraints

from chassis.settings import Port, ServiceSettings, ServiceUrl


def _refuse_wildcard(origin: str) -> str:
    if "*" in origin:
        raise ValueError("holds a wildcard; name each origin, as https://sales.example.com")
    return origin.rstrip("/")


Origin = Annotated[
    str, StringConstraints(pattern=r"^https?://[^/\s]+/?$"), AfterValidator(_refuse_wildcard)
]


class Settings(ServiceSettings):
    """Addresses of the services behind the door, and how much one caller may ask."""

    service: ClassVar[str] = "gateway"
    port: Port = 8080
    telemetry_port: Port = 9080

    customer_url: ServiceUrl = "http://127.0.0.1:8101"
    pipeline_url: ServiceUrl = "http://127.0.0.1:8102"
    ops_url: ServiceUrl = "http://127.0.0.1:8103"
    metrics_url: ServiceUrl = "http://127.0.0.1:8104"

    rate_limit_requests: Annotated[int, Field(ge=0)] = 10_000
    """Requests that one caller may send in `rate_limit_seconds`; 0 sets no limit."""
    rate_limit_seconds: Annotated[int, Field(ge=1, le=3600)] = 10
    cors_origins: tuple[Origin, ...] = ()
    """Origins of browser front ends; none by default: `CORS_ORIGINS=["https://sales.example.com"]`."""
    stream_seconds: Annotated[int, Field(ge=5, le=86_400)] = 900
    """A live stream ends after this time, so that its token is looked at again."""
    upstream_seconds: Annotated[float, Field(gt=0, le=120)] = 10.0
    """How long a service may take to answer; imports get three times as much."""

    events_per_request: Annotated[int, Field(ge=1, le=10_000)] = 500
    event_bytes: Annotated[int, Field(ge=1024, le=512 * 1024)] = 256 * 1024
    """Largest event of a partner; an outbox row may have twice as much."""
    event_levels: Annotated[int, Field(ge=4, le=100)] = 32
    """Arrays and objects inside each other; no event type needs more than six."""
    event_oldest_days: Annotated[int, Field(ge=1, le=36_500)] = 1_100
    """Older events are refused; the inbox must be kept at least as long, or a copy gets in."""
    event_ahead_seconds: Annotated[int, Field(ge=0, le=86_400)] = 300
    """How far a partner's clock may be ahead of ours."""
    ingress_bytes: Annotated[int, Field(ge=1024 * 1024)] = 64 * 1024 * 1024
    """Bodies of partners' requests in memory at once; more is told to come again."""
    outbox_events: Annotated[int, Field(ge=1)] = 2_000_000
    """Some 2 GB. With more waiting for the log no more events are taken."""
    outbox_seconds: Annotated[int, Field(ge=1)] = 86_400
    """With events waiting for the log for longer no more are taken."""
    topics_file: Path | None = None
    """The declared topics (deploy/kafka/topics.yaml), for its partners; none publish without it."""
    refused_days: Annotated[int, Field(ge=1, le=3_650)] = 90
    """How long refused events can be read back."""

    @property
    def service_urls(self) -> dict[str, str]:
        """Service to address."""
        return {
            "customer": self.customer_url,
            "pipeline": self.pipeline_url,
            "ops": self.ops_url,
            "metrics": self.metrics_url,
        }
