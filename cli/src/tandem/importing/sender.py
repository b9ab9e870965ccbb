"""Sends rows to the gateway, in batches that may be sent again.

Invariant: a row is identified by its own key at the service, so that a batch
whose answer was lost, or a whole run after a kill, changes nothing twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tandem.client import GatewayRefused, GatewayUnreachable
from tandem.importing.mapping import key_of
from tandem.importing.rows import Prepared
from tandem.importing.table import Refusal

BATCH_ROWS = 500
"""The gateway's limit of rows in one import request."""
PATIENCE_SECONDS = 300.0
"""How long a run waits for a gateway or service that is restarting."""
_TRANSIENT = {429, 502, 503, 504}
_DRY_ID = "00000000-0000-7000-8000-000000000000"
"""Stands for an id that a dry run cannot know."""
_REFERENCES = {
    "owner_ref": "people",
    "team": "teams",
    "product": "products",
    "pipeline": "pipelines",
    "stage": "pipelines",
    "customer_id": "customers",
    "lead_id": "leads",
    "owners": "people",
}
"""Fields that point to rows of another collection, which a dry run has not made."""


class Poster(Protocol):
    """What a run needs of the gateway."""

    def post(self, path: str, body: Any) -> Any:
        """POST a JSON body and return the answer's body."""


@dataclass
class Tally:
    """What became of one step's rows."""

    collection: str
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Rows that were taken, now or in an earlier run."""
        return self.created + self.updated + self.unchanged


class ProgressSink(Protocol):
    """Told how a run gets on."""

    def step_begun(self, collection: str, rows: int) -> None:
        """A step is about to send so many rows."""

    def rows_done(self, rows: int) -> None:
        """So many more rows of the step are settled."""

    def waiting(self, reason: str) -> None:
        """The run waits and tries again."""


@dataclass
class Sender:
    """Sends rows of one collection after another, remembering the id that each was given."""

    gateway: Poster
    progress: ProgressSink
    dry: bool = False
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    ids: dict[str, dict[str, str]] = field(default_factory=dict)

    def send(self, collection: str, rows: Sequence[Prepared], refusals: list[Refusal]) -> Tally:
        """Send all rows of a collection; `refusals` are those that never became rows.

        Raises GatewayRefused (never for a single row), GatewayUnreachable.
        """
        tally = Tally(collection, refusals=refusals)
        self.progress.step_begun(collection, len(rows))
        for start in range(0, len(rows), BATCH_ROWS):
            batch = list(rows[start : start + BATCH_ROWS])
            for row, result in self._settle(collection, batch):
                self._count(tally, row, result)
            self.progress.rows_done(len(batch))
        return tally

    def _settle(
        self, collection: str, batch: list[Prepared]
    ) -> list[tuple[Prepared, dict[str, Any]]]:
        """Send a batch until no row of it is refused for a reason that passes by itself."""
        settled: list[tuple[Prepared, dict[str, Any]]] = []
        give_up_at = self.clock() + PATIENCE_SECONDS
        pause = 0.1
        while batch:
            answer = self._post(f"/v1/{collection}/import", batch, give_up_at)
            again: list[Prepared] = []
            for row, result in zip(batch, answer["results"], strict=True):
                passing = (result.get("problem") or {}).get("retryable") and not self.dry
                if passing and self.clock() < give_up_at:
                    again.append(row)
                else:
                    settled.append((row, result))
            if again:
                self.progress.waiting(f"{len(again)} rows wait for what they refer to")
                self.sleep(pause)
                pause = min(pause * 2, 5.0)
            batch = again
        return settled

    def _post(self, path: str, batch: list[Prepared], give_up_at: float) -> Any:
        body = {"rows": [row.body for row in batch], "dry_run": self.dry}
        pause = 0.2
        while True:
            try:
                return self.gateway.post(path, body)
            except GatewayUnreachable as error:
                if self.clock() >= give_up_at:
                    raise
                reason = str(error)
            except GatewayRefused as error:
                if error.status not in _TRANSIENT or self.clock() >= give_up_at:
                    raise
                reason = f"the gateway answered {error.status}"
            self.progress.waiting(f"{reason}; trying again")
            self.sleep(pause)
            pause = min(pause * 2, 5.0)

    def _count(self, tally: Tally, row: Prepared, result: dict[str, Any]) -> None:
        status = result["status"]
        key = row.body.get(key_of(tally.collection))
        problem = result.get("problem") or {}
        if status == "rejected" and not (self.dry and self._only_unmade(problem)):
            tally.refusals += _refusals(row, problem)
            return
        if status == "rejected":
            status = "created"
        setattr(tally, status, getattr(tally, status) + 1)
        if isinstance(key, str):
            names = self.ids.setdefault(tally.collection, {})
            names[key] = result.get("id") or _DRY_ID

    def _only_unmade(self, problem: dict[str, Any]) -> bool:
        """Whether a dry row was refused only for pointing at what this run would have made."""
        fields = [str(error.get("field", "")).split(".")[0] for error in problem.get("errors", [])]
        return bool(fields) and all(_REFERENCES.get(name) in self.ids for name in fields)


def _refusals(row: Prepared, problem: dict[str, Any]) -> list[Refusal]:
    mend = str(problem.get("hint") or "correct the row and import the file again")
    errors = problem.get("errors") or [
        {"field": "(row)", "reason": problem.get("detail") or problem.get("title") or "refused"}
    ]
    return [
        Refusal(
            row.file,
            row.line,
            str(error.get("field", "(row)")),
            str(error.get("reason", "refused")),
            str(error.get("hint") or mend),
        )
        for error in errors
    ]
