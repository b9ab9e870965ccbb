"""What every service shares technically; nothing here knows the business."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from fastapi import FastAPI

    from chassis.settings import ServiceSettings

__all__ = ["run"]

S = TypeVar("S", bound="ServiceSettings")


def run(create_app: Callable[[S], "FastAPI"], settings_class: type[S]) -> None:
    """Be a service until told to stop: read settings, serve, end the process."""
    # Late, since domain code imports chassis.errors and must not load the web framework.
    from chassis.process import run_service  # noqa: PLC0415

    run_service(create_app, settings_class)
