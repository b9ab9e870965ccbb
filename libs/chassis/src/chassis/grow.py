"""`python -m chassis.grow TOPIC PARTITIONS`: a topic grows, and its keys keep their order.

Run it with the environment of the relay, which names all outboxes, beside the running services.
"""

import argparse
import asyncio
import sys

from chassis.listening import end_unusable
from chassis.settings import RelaySettings, SettingsUnusable, load_settings
from events import EventsError, open_log
from events.growing import grow_topic


def main() -> int:
    """The exit code: 0 grown, 1 not grown and why, 2 unusable settings."""
    parser = argparse.ArgumentParser(prog="python -m chassis.grow", description=__doc__)
    parser.add_argument("topic")
    parser.add_argument("partitions", type=int, help="how many it shall have in all")
    arguments = parser.parse_args()
    try:
        settings = load_settings(RelaySettings)
    except SettingsUnusable as unusable:
        end_unusable(unusable.lines)
    try:
        asyncio.run(_grow(settings, topic=arguments.topic, partitions=arguments.partitions))
    except EventsError as error:
        print(f"{arguments.topic} was not grown: {error}", file=sys.stderr)  # noqa: T201 - a command
        return 1
    return 0


async def _grow(settings: RelaySettings, *, topic: str, partitions: int) -> None:
    async with open_log(settings.event_log) as log:
        await grow_topic(
            log,
            settings.outboxes,
            topic=topic,
            partitions=partitions,
            say=lambda words: print(words, flush=True),  # noqa: T201 - a command
        )


if __name__ == "__main__":
    sys.exit(main())
