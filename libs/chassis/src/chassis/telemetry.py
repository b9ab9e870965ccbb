"""Operational telemetry for Prometheus; names and labels as operators query them.

Invariant: labels come from our own routes and topics, never from what a caller sent.
"""

from datetime import datetime
from typing import Final, Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

from chassis.observer import PrometheusObserver

UNMATCHED_ROUTE: Final = "__unmatched__"
_HTTP_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0)
"""0.3 s is the objective of reads; an edge lies exactly there."""
_LAG_BUCKETS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)


Stage = Literal["written", "heard"]
"""How far a heartbeat came: into its outbox, or through the figures to the front door."""


class Telemetry:
    """The instruments that every service has, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.observer = PrometheusObserver(self.registry)
        """For the consumers and relays of `events` in this process."""
        self.http_seconds = Histogram(
            "http_request_duration_seconds",
            "Time from the request's head to the last byte of its answer.",
            ("method", "route", "status_class"),
            buckets=_HTTP_BUCKETS,
            registry=self.registry,
        )
        self.http_in_progress = Gauge(
            "http_requests_in_progress", "Requests being answered.", registry=self.registry
        )
        self.http_broken = Counter(
            "http_requests_broken_total",
            "Requests answered with 500 because of a fault of ours.",
            registry=self.registry,
        )
        self.loop_lag_seconds = Histogram(
            "event_loop_lag_seconds",
            "How much later than asked for the event loop ran a timer.",
            buckets=_LAG_BUCKETS,
            registry=self.registry,
        )
        self._heartbeats = Gauge(
            "pipeline_heartbeat_timestamp_seconds",
            "When the newest heartbeat that came to this stage was written.",
            ("stage", "service"),
            registry=self.registry,
        )

    def heartbeat(self, stage: Stage, *, service: str, at: datetime) -> None:
        """A beat of `service`, written at `at`, came to the stage."""
        self._heartbeats.labels(stage, service).set(at.timestamp())
