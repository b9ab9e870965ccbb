"""What operators see of the gateway besides its requests."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.proxy.breaker import State

_BUCKETS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0)


class GatewayTelemetry:
    """Instruments of calls to services, KPI answers, streams and partners' events."""

    def __init__(self) -> None:
        self.upstream_seconds = Histogram(
            "gateway_upstream_duration_seconds",
            "Time of one attempt to call a service.",
            ("upstream", "outcome"),
            buckets=_BUCKETS,
            registry=None,
        )
        self.circuit_state = Gauge(
            "gateway_circuit_state",
            "Circuit to a service: 0 closed, 1 half-open, 2 open.",
            ("upstream",),
            registry=None,
        )
        self.retries = Counter(
            "gateway_retries_total",
            "Retries of idempotent calls, and those that the budget forbade.",
            ("upstream", "outcome"),
            registry=None,
        )
        self.kpi_answers = Counter(
            "gateway_kpi_answers_total",
            "KPI answers by where they came from.",
            ("source",),
            registry=None,
        )
        self.from_memory = self.kpi_answers.labels("memory")
        self.not_modified = self.kpi_answers.labels("not_modified")
        self.from_metrics = self.kpi_answers.labels("metrics")
        self.streams_open = Gauge(
            "gateway_kpi_streams_open", "Clients of the live stream.", registry=None
        )
        self.feeds_open = Gauge(
            "gateway_event_streams_open", "Partners who follow their events.", registry=None
        )
        self.partner_events = Counter(
            "gateway_partner_events_total",
            "Partners' events by what became of them.",
            ("outcome",),
            registry=None,
        )
        self.partner_keys_refused = Counter(
            "gateway_partner_keys_refused_total",
            "Requests that came with a partner's key that opens nothing.",
            ("reason",),
            registry=None,
        )
        for reason in ("damaged", "unknown", "expired", "revoked"):
            self.partner_keys_refused.labels(reason)
        for outcome in ("accepted", "duplicate", "conflict", "rejected"):
            self.partner_events.labels(outcome)

    def register(self, registry: CollectorRegistry) -> None:
        """Show all instruments in the process's registry."""
        for collector in (
            self.upstream_seconds,
            self.circuit_state,
            self.retries,
            self.kpi_answers,
            self.streams_open,
            self.feeds_open,
            self.partner_events,
            self.partner_keys_refused,
        ):
            registry.register(collector)

    def called(self, service: str, outcome: str, seconds: float) -> None:
        """One attempt to call a service ended."""
        self.upstream_seconds.labels(service, outcome).observe(seconds)

    def retried(self, service: str, outcome: str) -> None:
        """A retry was sent, or refused for lack of budget."""
        self.retries.labels(service, outcome).inc()

    def circuit(self, service: str, state: State) -> None:
        """The circuit's state after a call."""
        self.circuit_state.labels(service).set(state.value)
