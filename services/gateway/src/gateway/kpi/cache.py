"""A bounded memory of encoded KPI answers.

Invariant: an answer is served only if no change that it should show has been
heard of since the question was sent to metrics.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from events.types.kpi import ChangedKpi
from gateway.kpi.query import AnswerKey

_RECENT_CHANGES: Final = 2000
"""Changes remembered to judge answers that were under way when they came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KpiAnswer:
    """An answer of metrics as it goes out: bytes, and what identifies them."""

    body: bytes
    tag: str
    """Identifies the figures: metrics keeps out of the body when they were read."""

    @property
    def etag(self) -> bytes:
        """The tag as a strong entity tag."""
        return f'"{self.tag}"'.encode()

    @classmethod
    def of(cls, body: bytes) -> KpiAnswer:
        return cls(body=body, tag=hashlib.blake2b(body, digest_size=12).hexdigest())


@dataclass(slots=True)
class _Kept:
    answer: KpiAnswer
    kept_at: float


class AnswerCache:
    """Least recently used answers go first when entries or bytes exceed their bounds."""

    def __init__(
        self,
        now: Callable[[], float],
        *,
        most_entries: int = 10_000,
        most_bytes: int = 64 * 1024 * 1024,
        oldest_seconds: float = 10.0,
    ) -> None:
        self._now = now
        self._most_entries = most_entries
        self._most_bytes = most_bytes
        self._oldest_seconds = oldest_seconds
        self._kept: OrderedDict[AnswerKey, _Kept] = OrderedDict()
        self._by_kpi: defaultdict[str, set[AnswerKey]] = defaultdict(set)
        self._recent: deque[ChangedKpi] = deque(maxlen=_RECENT_CHANGES)
        self._heard = 0
        self._forgotten = 0
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size_bytes(self) -> int:
        """Bytes of all kept bodies."""
        return self._bytes

    def get(self, key: AnswerKey) -> KpiAnswer | None:
        """The current answer, if it is known.

        Answers also age out, since some of them depend on today's date.
        """
        kept = self._kept.get(key)
        if kept is None:
            return None
        if self._now() - kept.kept_at > self._oldest_seconds:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept.answer

    def stamp(self) -> int:
        """Take this before asking metrics, and hand it to `put` with what it answered."""
        return self._heard

    def put(self, key: AnswerKey, answer: KpiAnswer, stamp: int) -> bool:
        """Keep an answer unless something that it should show was heard of since the stamp."""
        if self.changed_since(stamp, key):
            return False
        self._drop(key)
        self._kept[key] = _Kept(answer, self._now())
        self._by_kpi[key.query.kpi].add(key)
        self._bytes += len(answer.body)
        while len(self._kept) > self._most_entries or self._bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))
        return True

    def changed_since(self, stamp: int, key: AnswerKey) -> bool:
        """Whether an answer that was asked for at the stamp may miss a change."""
        missed = self._heard - stamp
        if stamp < self._forgotten or missed > len(self._recent):
            return True
        return any(touches(self._recent[-back], key) for back in range(1, missed + 1))

    def change(self, changed: Iterable[ChangedKpi]) -> None:
        """Drop what the changes touch.

        An answer that ends before the first changed day cannot show the change;
        one that begins after the last can, since balances carry over.
        """
        for item in changed:
            self._recent.append(item)
            self._heard += 1
            for key in tuple(self._by_kpi.get(item.kpi, ())):
                if touches(item, key):
                    self._drop(key)

    def clear(self) -> None:
        """Forget everything: changes may have been missed."""
        self._heard += 1
        self._forgotten = self._heard
        self._recent.clear()
        self._kept.clear()
        self._by_kpi.clear()
        self._bytes = 0

    def _drop(self, key: AnswerKey) -> None:
        kept = self._kept.pop(key, None)
        if kept is None:
            return
        self._bytes -= len(kept.answer.body)
        keys = self._by_kpi[key.query.kpi]
        keys.discard(key)
        if not keys:
            del self._by_kpi[key.query.kpi]


def touches(changed: ChangedKpi, key: AnswerKey) -> bool:
    """Whether the answer to the question may look different after the change."""
    if changed.kpi != key.query.kpi:
        return False
    end = key.query.ends_before
    return end is None or changed.first_on < end
