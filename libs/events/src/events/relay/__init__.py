"""From the outboxes to the log: reading, owning shards, and ending when nothing moves."""

from __future__ import annotations

from events.relay.relay import Relay

__all__ = ["Relay"]
