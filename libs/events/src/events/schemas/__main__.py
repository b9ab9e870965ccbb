"""The command `python -m events.schemas`."""

from __future__ import annotations

import argparse
from importlib.metadata import version

from events.schemas.generate import outdated, write
from events.schemas.golden import add_golden
from events.schemas.releases import (
    ReleaseRefused,
    add_release,
    breaches_of_releases,
    contracts_of,
    read_releases,
)
from events.schemas.sealed import SealBroken


def main() -> None:
    """Write, check or release the contracts of all event types."""
    parser = argparse.ArgumentParser(prog="python -m events.schemas", description=main.__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("write", help="bring libs/events/schemas up to the classes")
    actions.add_parser("check", help="exit 1 if they are not, or if a release is broken")
    release = actions.add_parser(
        "release",
        help="promise today's contracts for ever, and keep records of them",
    )
    release.add_argument("version", nargs="?", default=version("tandem-events"))
    arguments = parser.parse_args()
    try:
        match arguments.action:
            case "write":
                write()
            case "check":
                _check()
            case "release":
                changed = add_release(arguments.version, contracts_of())
                add_golden(arguments.version, changed)
                print(f"released {arguments.version}: {len(changed)} types")
    except (ReleaseRefused, SealBroken) as error:
        raise SystemExit(f"{error.fact}\n{error.hint}") from None


def _check() -> None:
    if sentences := outdated():
        raise SystemExit("\n".join([*sentences, "run: python -m events.schemas write"]))
    if broken := list(breaches_of_releases(read_releases(), contracts_of())):
        raise SystemExit("\n".join([*broken, "or give the type a new major version"]))


if __name__ == "__main__":
    main()
