"""How a consumer behaves; the defaults are for one machine and for production alike."""

from __future__ import annotations

import msgspec


class ConsumerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Times in seconds."""

    max_records: int = 20_000
    """Records of one transaction when there is a backlog: larger folds better."""
    max_bytes: int = 32 * 1024 * 1024
    """Of one transaction, roughly; two such batches are in memory at a time."""
    max_folded: int = 80_000
    """The same where events are folded as they are read, of which a batch keeps only the sum."""
    poll_seconds: float = 0.2
    """How long to wait for records before looking at anything else."""
    backlog_seconds: float = 0.5
    """How long to wait until a batch is full, or holds all that there is."""
    pulse_seconds: float = 1.0
    """How often membership, lag, watermark and requests about parked records are seen to."""
    member_timeout_seconds: float = 4.0
    """A member not heard of for so long has its partitions given to others."""
    stuck_seconds: float = 60.0
    """Work without progress for so long ends the process."""
    transaction_seconds: float = 30.0
    """A process that is paused within a transaction for so long loses it, and its locks."""
    retry_first_seconds: float = 0.1
    retry_max_seconds: float = 5.0
    parked_ratio_limit: float = 0.01
    """A larger share of the last `parked_window` records rejected stops the partition."""
    parked_window: int = 20_000
    parked_consecutive_limit: int = 100
    """More rejections than this in a row stop the partition: then the code is at fault."""
