"""Ending aiokafka's clients in bounded time.

With Kafka down their own stop can wait for ever. A process that is to end and be
started again would then hang instead, alive and deaf.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from aiokafka.errors import KafkaError

_SECONDS: Final = 3.0


async def end_within(stop: Coroutine[Any, Any, None], seconds: float = _SECONDS) -> bool:
    """Run a client's stop; give it up after `seconds`. Whether it ended cleanly.

    Not `wait_for`: that waits for the cancelled stop, which may not answer either.
    """
    task = asyncio.ensure_future(stop)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        task.cancel()
        return False
    error = task.exception()
    if error is not None and not isinstance(error, KafkaError):
        raise error
    return error is None
