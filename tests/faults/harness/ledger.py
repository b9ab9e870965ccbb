"""What the driver asked for, and what it was answered: the only thing that the oracle believes.

A command is `acknowledged` by a 2xx answer, `refused` by a 4xx one. Anything else (time-out,
connection lost, 5xx) leaves it `unknown`: it may have been done, whole, or not at all.
"""

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Outcome = Literal["acknowledged", "unknown", "refused"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One command about one aggregate.

    `reference` is the driver's own name of the aggregate, which is known before it exists.
    `subject` and `sequence` are those of the event; of an unknown command they are what they
    would be, the subject being None where only the answer would have told it.
    """

    command: str
    source: str
    reference: str
    outcome: Outcome
    says: Mapping[str, Any]
    subject: str | None = None
    sequence: int | None = None
    status: int | str = ""
    """HTTP status, the kind of error, or what a partner was told of its event."""


@dataclass
class Ledger:
    """All entries, in the order of their answers; those of one aggregate in their own order."""

    entries: list[Entry] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def write(self, entry: Entry) -> None:
        with self._changed:
            self.entries.append(entry)
            self._changed.notify_all()

    def count(self, outcome: Outcome) -> int:
        with self._changed:
            return sum(entry.outcome == outcome for entry in self.entries)

    def count_status(self, status: str) -> int:
        with self._changed:
            return sum(entry.status == status for entry in self.entries)

    def wait_for(self, acknowledged: int, *, timeout_seconds: float) -> bool:
        """Until so many commands are acknowledged in all."""
        with self._changed:
            return self._changed.wait_for(
                lambda: sum(e.outcome == "acknowledged" for e in self.entries) >= acknowledged,
                timeout_seconds,
            )

    def by_aggregate(self) -> Iterator[tuple[str, list[Entry]]]:
        """The commands that may have been done, under the reference of their aggregate."""
        found: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            if entry.outcome != "refused":
                found[entry.reference].append(entry)
        yield from found.items()

    def refusals(self) -> Counter[str]:
        """What was refused, by command and status; a sound driver is refused nothing."""
        return Counter(
            f"{entry.command}: {entry.status}"
            for entry in self.entries
            if entry.outcome == "refused"
        )

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (json.dumps(asdict(entry), default=str) for entry in self.entries)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
