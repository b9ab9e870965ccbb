"""A relay as a process that can be killed or paused; its session is ended when it sleeps."""

import asyncio
import signal
import sys

from events import Relay, open_log
from events.log.postgres.database import SESSION as LOG_SESSION
from events.relay.shards import SESSION

SESSION["idle_session_timeout"] = sys.argv[3]
LOG_SESSION["idle_in_transaction_session_timeout"] = sys.argv[3]


async def main(event_log: str, database: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with open_log(event_log) as log:
        await Relay(log, {"test": database}).run(stop)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
