"""What every service shares technically; nothing here knows the business."""

import gc
from typing import NoReturn

__all__ = ["run"]


def run(factory: str, settings: str) -> NoReturn:
    """Be a service until told to stop: `run("x.app:create_app", "x.settings:Settings")`.

    Both are named, not given: importing them is most of a start, and the garbage collector would
    spend a sixth of that looking for garbage in what is there to stay.
    """
    gc.disable()
    # Late for the same reason; and domain code, which imports chassis.errors, must not load this.
    from chassis.process import run_service  # noqa: PLC0415

    run_service(factory, settings)
