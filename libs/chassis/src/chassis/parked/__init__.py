"""Events that a service put aside, and partitions that it stopped, for its operators."""

from chassis.parked.api import router

__all__ = ["router"]
