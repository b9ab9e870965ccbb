"""What consumers and relay tell, as Prometheus series: the Observer of `events`.

Instants are exported, not ages: a stuck teller then still raises an alarm.
"""

import logging
import time
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from chassis.db import first_line
from events.errors import Fenced

log = logging.getLogger(__name__)

FRESH_SECONDS: Final = 10.0
"""The objective: 99 of 100 events are in the views within this time."""


class PrometheusObserver:
    """Implements `events.Observer`; `consumer` and `database` are names of ours."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._consumers = _ConsumerInstruments(registry)
        self._outboxes = _OutboxInstruments(registry)

    def batch_applied(
        self,
        consumer: str,
        *,
        records: int,
        applied: int,
        duplicates: int,
        unknown: int,
        gaps: int,
        rows: int | None,
        seconds: float,
        oldest_seconds: float,
    ) -> None:
        processed = self._consumers.processed
        processed.labels(consumer, "applied").inc(applied)
        processed.labels(consumer, "duplicate").inc(duplicates)
        processed.labels(consumer, "unknown").inc(unknown)
        self._consumers.gaps.labels(consumer).inc(gaps)
        if rows is not None:
            self._consumers.folded_events.labels(consumer).inc(applied)
            self._consumers.folded_rows.labels(consumer).inc(rows)
        self._consumers.batch_records.labels(consumer).observe(records)
        self._consumers.batch_seconds.labels(consumer).observe(seconds)
        self._consumers.event_age.labels(consumer).observe(oldest_seconds)
        # A batch is as late as its oldest event, so lateness is told too large, never too small.
        within = "objective" if oldest_seconds <= FRESH_SECONDS else "later"
        self._consumers.visible.labels(consumer, within).inc(records)

    def event_parked(self, consumer: str, *, topic: str, reason: str) -> None:
        self._consumers.parked.labels(consumer, topic, reason).inc()
        log.warning("event parked: consumer %s, topic %s, reason %s", consumer, topic, reason)

    def parked_resolved(self, consumer: str, *, outcome: str, count: int) -> None:
        self._consumers.parked_resolved.labels(consumer, outcome).inc(count)

    def parked_total(self, consumer: str, *, reason: str, count: int) -> None:
        self._consumers.parked_now.labels(consumer, reason).set(count)

    def lag(self, consumer: str, *, topic: str, partition: int, records: int) -> None:
        self._consumers.lag.labels(consumer, topic, str(partition)).set(records)

    def watermark_age(self, consumer: str, *, seconds: float) -> None:
        self._consumers.watermark.labels(consumer).set(time.time() - seconds)

    def retrying(self, consumer: str, *, error: Exception, seconds: float) -> None:
        self._consumers.retries.labels(consumer).inc()
        if isinstance(error, Fenced):
            self._consumers.fences.labels(consumer).inc()
        log.warning(
            "consumer %s tries again in %.1f s: %s: %s",
            consumer,
            seconds,
            type(error).__name__,
            first_line(error),
        )

    def partition_stopped(self, consumer: str, *, topic: str, partition: int, reason: str) -> None:
        self._consumers.stopped.labels(consumer, topic, str(partition)).set(1)
        log.error("consumer %s stands at %s/%d: %s", consumer, topic, partition, reason)

    def claimed(self, consumer: str, *, partitions: int) -> None:
        self._consumers.claimed.labels(consumer).set(partitions)

    def published(self, database: str, *, count: int, seconds: float) -> None:
        self._outboxes.published.labels(database).inc(count)
        self._outboxes.publish_seconds.labels(database).observe(seconds)

    def outbox(self, database: str, *, waiting: int, oldest_seconds: float) -> None:
        self._outboxes.pending.labels(database).set(waiting)
        # An empty outbox reads "now": 0 would read as 56 years.
        self._outboxes.oldest.labels(database).set(time.time() - oldest_seconds)

    def outbox_unreachable(self, database: str, *, error: Exception) -> None:
        self._outboxes.unreachable.labels(database).inc()
        log.warning("outbox of %s not reachable: %s", database, first_line(error))


class _ConsumerInstruments:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.processed = Counter(
            "pipeline_events_processed",
            "Records read by a consumer, by what became of them.",
            ("consumer", "outcome"),
            registry=registry,
        )
        self.batch_records = Histogram(
            "pipeline_batch_records",
            "Records of one transaction.",
            ("consumer",),
            buckets=(1, 10, 100, 500, 1000, 5000),
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "pipeline_batch_duration_seconds",
            "Time to apply and commit one batch.",
            ("consumer",),
            buckets=(0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30),
            registry=registry,
        )
        self.event_age = Histogram(
            "pipeline_event_age_seconds",
            "From being recorded to being applied, of the oldest event of each batch.",
            ("consumer",),
            buckets=(0.05, 0.1, 0.3, 1, 5, FRESH_SECONDS, 60, 600, 3600),
            registry=registry,
        )
        self.visible = Counter(
            "pipeline_events_visible",
            "Records applied, by whether that was within ten seconds of being recorded.",
            ("consumer", "within"),
            registry=registry,
        )
        self.fences = Counter(
            "pipeline_fences",
            "Batches given up because another process had taken the partition over.",
            ("consumer",),
            registry=registry,
        )
        self.gaps = Counter(
            "pipeline_gaps",
            "Events that came while earlier ones of their key were missing; they wait for these.",
            ("consumer",),
            registry=registry,
        )
        self.folded_events = Counter(
            "pipeline_folded_events",
            "Events applied by the batches whose rows were counted: about one batch a second.",
            ("consumer",),
            registry=registry,
        )
        self.folded_rows = Counter(
            "pipeline_folded_rows",
            "Rows that these batches wrote in all tables; events by rows is the fold ratio.",
            ("consumer",),
            registry=registry,
        )
        self.lag = Gauge(
            "pipeline_consumer_lag_records",
            "Records of an owned partition that are not applied yet.",
            ("consumer", "topic", "partition"),
            registry=registry,
        )
        self.watermark = Gauge(
            "pipeline_watermark_timestamp_seconds",
            "Instant up to which everything on the log is applied.",
            ("consumer",),
            registry=registry,
        )
        self.retries = Counter(
            "pipeline_batch_retries",
            "Batches tried again after an infrastructure error.",
            ("consumer",),
            registry=registry,
        )
        self.stopped = Gauge(
            "pipeline_partition_stopped",
            "1 where too much was rejected and the partition stands.",
            ("consumer", "topic", "partition"),
            registry=registry,
        )
        self.claimed = Gauge(
            "pipeline_claimed_partitions",
            "Partitions that this process owns.",
            ("consumer",),
            registry=registry,
        )
        self.parked = Counter(
            "dlq_events",
            "Records put aside.",
            ("consumer", "topic", "reason"),
            registry=registry,
        )
        self.parked_resolved = Counter(
            "dlq_resolved_events",
            "Parked records that are done with: released, discarded, or followed by themselves.",
            ("consumer", "outcome"),
            registry=registry,
        )
        self.parked_now = Gauge(
            "dlq_unresolved_events",
            "Records that wait parked right now.",
            ("consumer", "reason"),
            registry=registry,
        )


class _OutboxInstruments:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.published = Counter(
            "outbox_published",
            "Events moved from an outbox to the log.",
            ("database",),
            registry=registry,
        )
        self.publish_seconds = Histogram(
            "outbox_publish_duration_seconds",
            "Time to move one batch and have it acknowledged.",
            ("database",),
            buckets=(0.005, 0.01, 0.05, 0.1, 0.5, 1, 5),
            registry=registry,
        )
        self.pending = Gauge(
            "outbox_pending_events", "Events that wait.", ("database",), registry=registry
        )
        self.oldest = Gauge(
            "outbox_oldest_pending_timestamp_seconds",
            "When the oldest waiting event was written; now when none waits.",
            ("database",),
            registry=registry,
        )
        self.unreachable = Counter(
            "outbox_unreachable",
            "Attempts to read an outbox that failed.",
            ("database",),
            registry=registry,
        )
