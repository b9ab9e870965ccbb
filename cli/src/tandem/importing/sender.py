"""Sends rows to the gateway, in batches that may be sent again.

Invariant: a row is identified by its own key at the service, so that a batch
whose answer was lost, or a whole run after a kill, changes nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tandem.importing.mapping import key_of
from tandem.importing.patience import PatientGateway
from tandem.importing.rows import Prepared
from tandem.importing.table import Refusal

BATCH_ROWS = 500
"""The gateway's limit of rows in one import request."""
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


@dataclass
class Sender:
    """Sends rows of one collection after another, remembering the id that each was given."""

    gateway: PatientGateway
    dry: bool = False
    ids: dict[str, dict[str, str]] = field(default_factory=dict)

    def send(self, collection: str, rows: Sequence[Prepared], refusals: list[Refusal]) -> Tally:
        """Send all rows of a collection; `refusals` are those that never became rows.

        Raises GatewayRefused (never for a single row), GatewayUnreachable.
        """
        tally = Tally(collection, refusals=refusals)
        self.gateway.progress.step_begun(collection, len(rows))
        for start in range(0, len(rows), BATCH_ROWS):
            batch = list(rows[start : start + BATCH_ROWS])
            for row, result in self._settle(collection, batch):
                self._count(tally, row, result)
            self.gateway.progress.rows_done(len(batch))
        return tally

    def _settle(
        self, collection: str, batch: list[Prepared]
    ) -> list[tuple[Prepared, dict[str, Any]]]:
        """Send a batch until no row of it is refused for a reason that passes by itself."""
        settled: list[tuple[Prepared, dict[str, Any]]] = []
        give_up_at = self.gateway.deadline()
        pause = 0.1
        while batch:
            body = {"rows": [row.body for row in batch], "dry_run": self.dry}
            answer = self.gateway.post(f"/v1/{collection}/import", body, until=give_up_at)
            again: list[Prepared] = []
            for row, result in zip(batch, answer["results"], strict=True):
                passing = (result.get("problem") or {}).get("retryable") and not self.dry
                if passing and self.gateway.clock() < give_up_at:
                    again.append(row)
                else:
                    settled.append((row, result))
            if again:
                self.gateway.progress.waiting(f"{len(again)} rows wait for what they refer to")
                self.gateway.sleep(pause)
                pause = min(pause * 2, 5.0)
            batch = again
        return settled

    def _count(self, tally: Tally, row: Prepared, result: dict[str, Any]) -> None:
        status = result["status"]
        key = row.body.get(key_of(tally.collection))
        problem = result.get("problem") or {}
        if status == "rejected" and not (self.dry and self._only_unmade(problem)):
            tally.refusals += refusals_of(row, problem)
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


def refusals_of(row: Prepared, problem: dict[str, Any]) -> list[Refusal]:
    """What a problem document says of a row, one refusal a field."""
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
