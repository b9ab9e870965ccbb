"""How many connections a service has to its database, and how many of them are at work.

Counted when Prometheus asks, so that no pool has to tell of each connection it lends.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class Connections(NamedTuple):
    """Of one pool: in use, idle, and how many it may still open."""

    in_use: int
    idle: int
    unopened: int


class ConnectionsCollector(Collector):
    """`database_connections` by pool and state: with none idle or unopened, requests queue."""

    def __init__(self, pools: Mapping[str, Callable[[], Connections | None]]) -> None:
        """Of each pool what counts its connections, None while it is not open."""
        self._pools = pools

    def collect(self) -> Iterable[Metric]:
        connections = GaugeMetricFamily(
            "database_connections",
            "Connections to the database by pool, and those that the pool may still open.",
            labels=("pool", "state"),
        )
        for pool, count in self._pools.items():
            counted = count()
            if counted is not None:
                for state, number in counted._asdict().items():
                    connections.add_metric((pool, state), number)
        yield connections
