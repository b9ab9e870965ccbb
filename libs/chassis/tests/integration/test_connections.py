"""Connections are counted by pool, so that one that is used up is seen."""

from prometheus_client import CollectorRegistry

from chassis.connections import ConnectionsCollector
from chassis.db import POOL_CONNECTIONS, Database
from chassis.sessions import SESSION_CONNECTIONS, SESSION_OVERFLOW, Sessions

STATES = ("in_use", "idle", "unopened")


async def test_what_is_in_use_idle_and_unopened_is_told_when_it_is_asked_for(database: str) -> None:
    ours, sessions, registry = (
        Database(database, application_name="test"),
        Sessions(),
        CollectorRegistry(),
    )
    pools = {"database": ours.connections, "sessions": sessions.connections}
    registry.register(ConnectionsCollector(pools))

    def told(pool: str) -> tuple[float | None, ...]:
        labels = [{"pool": pool, "state": state} for state in STATES]
        return tuple(registry.get_sample_value("database_connections", one) for one in labels)

    assert told("database") == (None, None, None)
    async with ours.opened(), sessions.opened(ours):
        assert told("database") == (0, 0, POOL_CONNECTIONS)
        async with ours.pool.acquire(), ours.pool.acquire():
            assert told("database") == (2, 0, POOL_CONNECTIONS - 2)
        assert told("database") == (0, 2, POOL_CONNECTIONS - 2)
        most = SESSION_CONNECTIONS + SESSION_OVERFLOW
        async with sessions() as session:
            await session.connection()
            assert told("sessions") == (1, 0, most - 1)
        assert told("sessions") == (0, 1, most - 1)
