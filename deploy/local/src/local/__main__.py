"""`python -m local`: the launcher without the command line's decoration, as tests run it."""

import sys
from contextlib import nullcontext

from local.errors import CannotStart
from local.launcher import launch
from local.settings import Settings

CANNOT_START = 2


def say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    try:
        launch(Settings.load(), say=say, while_up=lambda _plan: nullcontext())
    except CannotStart as refusal:
        say(str(refusal))
        return CANNOT_START
    return 0


if __name__ == "__main__":
    sys.exit(main())
