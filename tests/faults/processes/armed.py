"""Runs a process of the product as it is, until it comes to a point where a trap was set.

Usage: python armed.py TRAP MODULE

TRAP is a file that need not exist: a list of traps, each with a point, pass, database, rows and
action. When the process comes to the point of the first for that time it takes it off the list and
sends the signal `action` to itself, so that a trap springs once and the restarted process runs on.
A point is named by the statement that the product sends to PostgreSQL there (in the database, if
one is named, and about so many rows at least): nothing of the product is changed or knows of this.
"""

import json
import os
import re
import runpy
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final, Literal
from weakref import WeakKeyDictionary

from asyncpg import Range
from asyncpg.connection import Connection
from asyncpg.prepared_stmt import PreparedStatement


@dataclass(frozen=True)
class Point:
    """Just before or after a statement that matches.

    `within` is a statement that the same transaction must have sent earlier. `rows` is
    how many it must be about at least: in its answer, or in a list or runs that it is given.
    """

    when: Literal["before", "after"]
    statement: str
    within: str | None = None
    rows: int = 0


_COMMIT: Final = r"^COMMIT\b"
_WRITE_DEALS: Final = r"\bINSERT INTO deals\b"
_MOVE_POSITIONS: Final = r"^\s*UPDATE consumer_positions p\s+SET next_offset"
_NEW_GENERATION: Final = r"^\s*INSERT INTO generations\b"
_READ_JOURNAL: Final = r"\bFROM journal WHERE id > "

POINTS: Final = {
    "command: before commit": Point("before", _COMMIT, within=_WRITE_DEALS),
    "command: after commit": Point("after", _COMMIT, within=_WRITE_DEALS),
    "ingress: before taking": Point("before", r"\bINSERT INTO inbox\b"),
    "ingress: taken": Point("after", r"\bINSERT INTO inbox\b"),
    "relay: rows read": Point("after", r"^\s*SELECT\b.*\bFROM outbox WHERE shard\b", rows=1),
    "relay: acknowledged": Point("before", r"^\s*(WITH\b.*)?DELETE FROM outbox\b"),
    "relay: deleted": Point("after", r"^\s*(WITH\b.*)?DELETE FROM outbox\b"),
    "consumer: before positions move": Point("before", _MOVE_POSITIONS),
    "consumer: positions moved": Point("after", _MOVE_POSITIONS),
    "consumer: before commit": Point("before", _COMMIT, within=_MOVE_POSITIONS),
    "consumer: after commit": Point("after", _COMMIT, within=_MOVE_POSITIONS),
    "consumer: before claim": Point("before", r"^\s*INSERT INTO consumer_positions\b"),
    "rebuild: generation added": Point("after", _NEW_GENERATION),
    "rebuild: cells written": Point("after", r"\bINSERT INTO cells\b", within=_READ_JOURNAL),
    "rebuild: before switch": Point(
        "before", r"^\s*INSERT INTO live_generation\b", within=_READ_JOURNAL
    ),
}


class Trap:
    """The trap of this process, looked for at every statement."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._passes = 0
        self._sent: WeakKeyDictionary[Any, list[str]] = WeakKeyDictionary()
        """What each connection has sent since its transaction began."""

    def before(self, connection: Any, statement: str, arguments: Sequence[Any]) -> None:
        if statement.startswith("BEGIN"):
            self._sent[connection] = []
        rows = max((_rows(given) for given in arguments if isinstance(given, list)), default=0)
        self._look(connection, statement, when="before", rows=rows)
        if connection in self._sent:
            self._sent[connection].append(statement)

    def after(self, connection: Any, statement: str, answer: Any) -> None:
        rows = len(answer) if isinstance(answer, list) else 0
        self._look(connection, statement, when="after", rows=rows)
        if statement.startswith(("COMMIT", "ROLLBACK;")):
            self._sent.pop(connection, None)

    def _look(self, connection: Any, statement: str, *, when: str, rows: int) -> None:
        if not self._file.exists():
            self._passes = 0
            return
        told, *later = json.loads(self._file.read_text())
        if told["database"] not in (None, connection._params.database):
            return
        point = POINTS[told["point"]]
        if point.when != when or not re.search(point.statement, statement, re.DOTALL):
            return
        earlier = self._sent.get(connection, [])
        if point.within and not any(re.search(point.within, sent) for sent in earlier):
            return
        if rows < max(point.rows, told["rows"]):
            return
        self._passes += 1
        if self._passes >= told["pass"]:
            put(self._file, later)
            self._passes = 0
            os.kill(os.getpid(), signal.Signals[told["action"]])


def _rows(given: list[Any]) -> int:
    """How many rows a list names: by one entry each, or by runs of ids."""
    runs = [one for one in given if isinstance(one, Range)]
    return len(given) - len(runs) + sum((run.upper or 0) - (run.lower or 0) for run in runs)


def put(file: Path, traps: list[dict[str, Any]]) -> None:
    """Write the traps that are left, in one step; none is no file."""
    if not traps:
        file.unlink()
        return
    incoming = file.with_suffix(".incoming")
    incoming.write_text(json.dumps(traps))
    incoming.rename(file)


def set_up(trap: Trap) -> None:
    """Let every statement of asyncpg, prepared or not, pass by the trap."""
    for name in ("execute", "executemany", "fetch", "fetchrow", "fetchval"):
        _wrap(Connection, name, trap, lambda connection, arguments: (connection, arguments[0]))
    for name in ("fetch", "fetchrow", "fetchval", "executemany"):
        _wrap(
            PreparedStatement,
            name,
            trap,
            lambda prepared, _: (prepared._connection, prepared.get_query()),
        )


def _wrap(
    owner: type, name: str, trap: Trap, said: Callable[[Any, tuple[Any, ...]], tuple[Any, str]]
) -> None:
    original: Callable[..., Awaitable[Any]] = getattr(owner, name)

    @wraps(original)
    async def passing_by(self: Any, *arguments: Any, **options: Any) -> Any:
        connection, statement = said(self, arguments)
        trap.before(connection, statement, arguments)
        answer = await original(self, *arguments, **options)
        trap.after(connection, statement, answer)
        return answer

    setattr(owner, name, passing_by)


if __name__ == "__main__":
    file, module = sys.argv[1:3]
    sys.argv = [module, *sys.argv[3:]]
    sys.path.pop(0)  # this folder, which the product's own processes would not see
    set_up(Trap(Path(file)))
    runpy.run_module(module, run_name="__main__", alter_sys=True)
