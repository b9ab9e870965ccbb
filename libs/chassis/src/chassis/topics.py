"""`python -m chassis.topics DECLARATION`: bring the event log in line with the declared topics.

The log is named by EVENT_LOG and not by an argument: its URL may hold a password, and
arguments are shown to everybody on the machine.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from chassis.settings import SettingsUnusable, TopicsSettings, load_settings
from events import EventsError
from events.topics import Applied, apply


def main() -> int:
    """The exit code: 0 in line, 1 not applied and why, 2 unusable settings."""
    parser = argparse.ArgumentParser(prog="python -m chassis.topics", description=__doc__)
    parser.add_argument("declaration", type=Path, help="deploy/kafka/topics.yaml")
    arguments = parser.parse_args()
    try:
        settings = load_settings(TopicsSettings)
    except SettingsUnusable as unusable:
        print(unusable, file=sys.stderr)
        return 2
    try:
        applied = asyncio.run(apply(settings.event_log, arguments.declaration))
    except (EventsError, ValueError) as error:
        print(f"topics were not applied: {error}", file=sys.stderr)
        return 1
    _say(applied)
    return 0


def _say(applied: Applied) -> None:
    for verb in ("created", "grown", "unchanged"):
        names = getattr(applied, verb)
        if names:
            print(f"{verb}: {', '.join(names)}")
    for sentence in applied.drift:
        print(f"differs: {sentence}")


if __name__ == "__main__":
    sys.exit(main())
