"""The parts of `make bench`, in the order in which they run, and how long each may take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from bench.report import Figure


@dataclass(frozen=True)
class Part:
    """One thing that is measured, on servers or a stack of its own.

    `module` has `measure(scale)`, which yields figures as they are found; a scale below 1
    does less of everything, to try the measurement out and not to be quoted.
    """

    name: str
    title: str
    module: str
    limit_seconds: float

    def measure(self, scale: float) -> Iterator[Figure]:
        measure: Callable[[float], Iterator[Figure]] = import_module(self.module).measure
        return measure(scale)


PARTS: Final = (
    Part("fold", "Fold of narrow views, exactly once", "bench.fold", 195),
    Part("kpis", "Fold of all KPIs", "bench.kpis", 165),
    Part("relay", "Relay", "bench.relay", 85),
    Part("outbox", "Cost of an outbox row", "bench.outbox", 45),
    Part("freshness", "Freshness of narrow views", "bench.freshness", 125),
    Part("push", "Freshness of pushed KPIs", "bench.push", 85),
    Part("stall", "After a stall", "bench.stall", 110),
    Part("ingest", "Ingest", "bench.ingest", 60),
    Part("answers", "Answers from cells", "bench.answers", 140),
    Part("diagnosis", "A diagnosis of a million deals", "bench.verdict", 90),
    Part("start", "Start and rest", "bench.starting", 45),
    Part("import", "Import", "bench.importing", 20),
    Part("read", "Reads", "bench.reading", 35),
)
"""The limits add up to twenty minutes, and are for a part that hangs."""
