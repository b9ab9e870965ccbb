"""Consuming: the loop that applies events exactly once, written once."""

from __future__ import annotations

from events.consumer.consumer import Consumer
from events.consumer.folding import Fold, Folding
from events.consumer.received import Connection, Handler, Received, Unprocessable
from events.consumer.settings import ConsumerSettings

__all__ = [
    "Connection",
    "Consumer",
    "ConsumerSettings",
    "Fold",
    "Folding",
    "Handler",
    "Received",
    "Unprocessable",
]
