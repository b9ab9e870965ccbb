"""KPI answers: from memory when they are current, else from metrics, asked once for all.

Invariant: whoever asks after a change was heard of gets an answer that metrics
gave after it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from chassis import tracing
from gateway.kpi.cache import AnswerCache, KpiAnswer
from gateway.kpi.freshness import Freshness
from gateway.kpi.query import AnswerKey
from gateway.proxy.transport import Answer, Call
from gateway.proxy.upstream import Upstream
from gateway.telemetry import GatewayTelemetry


class MetricsRefused(Exception):
    """Metrics answered with a problem, which is the caller's answer too."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"metrics answered {answer.status}")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class _Flight:
    task: asyncio.Task[KpiAnswer]
    stamp: int


class Answers:
    """The one way to a KPI answer, for single reads and for streams."""

    def __init__(
        self,
        metrics: Upstream,
        *,
        cache: AnswerCache,
        freshness: Freshness,
        telemetry: GatewayTelemetry,
    ) -> None:
        self._metrics = metrics
        self._cache = cache
        self._freshness = freshness
        self._telemetry = telemetry
        self._flights: dict[AnswerKey, _Flight] = {}

    def at_hand(self, key: AnswerKey) -> KpiAnswer | None:
        """The current answer if it is in memory and the log is being heard."""
        return self._cache.get(key) if self._freshness.is_heard else None

    async def ask(self, key: AnswerKey, authorization: str) -> KpiAnswer:
        """The current answer.

        Raises MetricsRefused, and Unavailable when metrics does not answer.
        """
        if answer := self.at_hand(key):
            return answer
        flight = self._flights.get(key)
        if flight is None or self._cache.changed_since(flight.stamp, key):
            return await self._wait(self._take_off(key, authorization))
        try:
            return await self._wait(flight)
        except MetricsRefused:
            # The refusal may be of the other caller's token: ask with our own.
            return await self._fetch(key, authorization, self._cache.stamp())

    def _take_off(self, key: AnswerKey, authorization: str) -> _Flight:
        stamp = self._cache.stamp()
        task = asyncio.create_task(
            self._fetch(key, authorization, stamp), name=f"kpi {key.query.kpi}"
        )
        flight = _Flight(task, stamp)
        self._flights[key] = flight
        task.add_done_callback(lambda done: self._land(key, done))
        return flight

    def _land(self, key: AnswerKey, task: asyncio.Task[KpiAnswer]) -> None:
        flight = self._flights.get(key)
        if flight is not None and flight.task is task:
            del self._flights[key]
        if not task.cancelled():
            task.exception()  # seen: those who wait raise it; without waiters nobody needs it

    async def _wait(self, flight: _Flight) -> KpiAnswer:
        # Shielded: one caller that leaves must not end the flight of the others.
        return await asyncio.shield(flight.task)

    async def _fetch(self, key: AnswerKey, authorization: str, stamp: int) -> KpiAnswer:
        headers = [
            (b"authorization", authorization.encode("latin-1")),
            (b"traceparent", tracing.current().traceparent.encode()),
        ]
        answer = await self._metrics.call(
            Call(method="GET", target=key.query.target, headers=headers)
        )
        if answer.status != 200:
            raise MetricsRefused(answer)
        self._telemetry.from_metrics.inc()
        self._freshness.note_answer(answer)
        kept = KpiAnswer.of(answer.body)
        self._cache.put(key, kept, stamp)
        return kept
