"""The log on Apache Kafka, through aiokafka.

Groups, committed offsets and transactions are not used: positions are kept by
the reader's own database, which alone can move them together with what was
computed. What remains of Kafka is an ordered, durable, replicated log.
"""

from __future__ import annotations

from events.log.kafka.log import KafkaLog

__all__ = ["KafkaLog"]
