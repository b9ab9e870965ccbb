"""Lag as it is seen from outside the consumers, as Prometheus series: the relay exports them."""

import logging

from prometheus_client import CollectorRegistry, Counter, Gauge

from chassis.db import first_line

log = logging.getLogger(__name__)


class PrometheusLagObserver:
    """Implements `events.outside_lag.LagObserver`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("consumer", "topic", "partition")
        self._records = Gauge(
            "pipeline_outside_lag_records",
            "Records that a consumer has not applied, compared from outside of it.",
            labels,
            registry=registry,
        )
        self._seconds = Gauge(
            "pipeline_outside_lag_seconds",
            "How long the oldest of them has been on the log, at least.",
            labels,
            registry=registry,
        )
        self._oldest_parked = Gauge(
            "dlq_oldest_unresolved_timestamp_seconds",
            "When the record that waits longest was parked; now when none waits.",
            ("consumer",),
            registry=registry,
        )
        self._not_measured = Counter(
            "pipeline_outside_lag_failures",
            "Looks at the consumers of a database that failed.",
            ("database",),
            registry=registry,
        )

    def outside_lag(
        self, consumer: str, *, topic: str, partition: int, records: int, seconds: float
    ) -> None:
        self._records.labels(consumer, topic, str(partition)).set(records)
        self._seconds.labels(consumer, topic, str(partition)).set(seconds)

    def oldest_parked(self, consumer: str, *, at: float | None) -> None:
        gauge = self._oldest_parked.labels(consumer)
        if at is None:
            gauge.set_to_current_time()
        else:
            gauge.set(at)

    def lag_not_measured(self, database: str, *, error: Exception) -> None:
        self._not_measured.labels(database).inc()
        log.warning("lag of the consumers of %s not seen: %s", database, first_line(error))
