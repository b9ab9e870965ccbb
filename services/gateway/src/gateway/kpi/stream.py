"""Live KPI answers: each distinct question is asked once, whoever watches it.

Invariant: a watcher holds at most one unsent answer per question, the latest.
A slow client therefore skips states; it never makes the process grow.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Final

from chassis.errors import Refusal, TooMany, Unavailable
from events.types.kpi import ChangedKpi
from events.waiting import is_set_within
from gateway.kpi.answers import Answers, MetricsRefused
from gateway.kpi.cache import KpiAnswer, touches
from gateway.kpi.query import AnswerKey
from gateway.telemetry import GatewayTelemetry

log = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS: Final = 30.0
"""A question is asked again after this time even without a change: days roll over."""
BETWEEN_REFRESHES_SECONDS: Final = 0.025
"""Under a storm of changes a question is asked at most 40 times a second."""
AFTER_FAILURE_SECONDS: Final = 1.0


class TooManyStreams(TooMany):
    """One caller holds as many streams open as it may."""

    title = "too many open streams"


class StreamsFull(Unavailable):
    """The gateway holds as many streams open as it can."""

    title = "no stream is free"


class Watcher:
    """One client's stream: the questions it watches, and what it has not been sent yet."""

    def __init__(self, keys: Sequence[AnswerKey], *, authorization: str, expires_at: float) -> None:
        self.keys = tuple(keys)
        self.authorization = authorization
        self.expires_at = expires_at
        self.waiting: dict[AnswerKey, KpiAnswer] = {}
        self.wake = asyncio.Event()
        self.is_dismissed = False

    def offer(self, key: AnswerKey, answer: KpiAnswer) -> None:
        """Replace whatever of this question is still unsent."""
        self.waiting[key] = answer
        self.wake.set()

    def take(self) -> dict[AnswerKey, KpiAnswer]:
        """All that is unsent; empty when the watcher was woken for another reason."""
        self.wake.clear()
        taken, self.waiting = self.waiting, {}
        return taken


class _Question:
    """One distinct question with those who watch it, and the task that keeps it current."""

    def __init__(self, key: AnswerKey, answers: Answers) -> None:
        self.key = key
        self.watchers: set[Watcher] = set()
        self.changed = asyncio.Event()
        self._answers = answers
        self._sent: str | None = None
        self.task = asyncio.create_task(self._keep_current(), name=f"watch {key.query.kpi}")

    async def _keep_current(self) -> None:
        while True:
            await is_set_within(self.changed, LOOK_AGAIN_SECONDS)
            self.changed.clear()
            await asyncio.sleep(
                BETWEEN_REFRESHES_SECONDS if await self._refresh() else AFTER_FAILURE_SECONDS
            )

    async def _refresh(self) -> bool:
        # Any watcher's token will do, since all may see the same; the last to expire is safest.
        asker = max(self.watchers, key=lambda watcher: watcher.expires_at)
        try:
            answer = await self._answers.ask(self.key, asker.authorization)
        except (MetricsRefused, Refusal) as error:
            log.warning("cannot refresh %s: %s", self.key.query.kpi, error)
            self.changed.set()
            return False
        if answer.tag != self._sent:
            self._sent = answer.tag
            for watcher in self.watchers:
                watcher.offer(self.key, answer)
        return True


class Live:
    """All open streams of this process."""

    def __init__(
        self,
        answers: Answers,
        telemetry: GatewayTelemetry,
        *,
        most_streams: int = 2000,
        most_per_caller: int = 50,
    ) -> None:
        self._answers = answers
        self._telemetry = telemetry
        self._most_streams = most_streams
        self._most_per_caller = most_per_caller
        self._questions: dict[AnswerKey, _Question] = {}
        self._streams: dict[str, int] = {}
        self.is_closing = False

    @property
    def open_streams(self) -> int:
        """How many clients are connected."""
        return sum(self._streams.values())

    def join(self, watcher: Watcher, caller: str) -> None:
        """Begin to watch. Raises TooManyStreams or StreamsFull."""
        held = self._streams.get(caller, 0)
        if held >= self._most_per_caller:
            raise TooManyStreams(
                f"{held} streams of this caller are open",
                hint="close one, or ask for several KPIs in one stream: ?kpi=a&kpi=b",
                retry_after=5,
            )
        if self.open_streams >= self._most_streams:
            raise StreamsFull("all streams are taken", hint="try again in a moment", retry_after=5)
        self._streams[caller] = held + 1
        self._telemetry.streams_open.set(self.open_streams)
        for key in watcher.keys:
            if key not in self._questions:
                self._questions[key] = _Question(key, self._answers)
            self._questions[key].watchers.add(watcher)

    def leave(self, watcher: Watcher, caller: str) -> None:
        """Stop watching; a question that nobody watches is not asked any more."""
        self._streams[caller] -= 1
        if not self._streams[caller]:
            del self._streams[caller]
        self._telemetry.streams_open.set(self.open_streams)
        for key in watcher.keys:
            question = self._questions[key]
            question.watchers.discard(watcher)
            if not question.watchers:
                question.task.cancel()
                del self._questions[key]

    def change(self, changed: Iterable[ChangedKpi]) -> None:
        """Have the questions asked again that the changes touch."""
        items = list(changed)
        for key, question in self._questions.items():
            if any(touches(item, key) for item in items):
                question.changed.set()

    def change_all(self) -> None:
        """Have every question asked again: changes may have been missed."""
        for question in self._questions.values():
            question.changed.set()

    def close(self) -> None:
        """Wake every stream so that it ends; new ones are not begun."""
        self.is_closing = True
        for question in self._questions.values():
            for watcher in question.watchers:
                watcher.is_dismissed = True
                watcher.wake.set()
