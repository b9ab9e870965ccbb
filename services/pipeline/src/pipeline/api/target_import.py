"""`POST /v1/targets/import`: targets by their external_ref, the same row again changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from fastapi import APIRouter

from chassis.auth import Actor, require
from chassis.bulk import Accepted, ImportBody, ImportResult, RowResult, answer, reject, sort_rows
from chassis.errors import Refusal
from chassis.types import CurrencyCode, Id
from chassis.work import WorkDep
from events import uuid7
from events.types import EventData
from pipeline.api.target_scope import refuse_foreign_target, team_of, wanted_by
from pipeline.api.targets import TargetKeyBody, TargetValue
from pipeline.domain.target import Target, TargetKey
from pipeline.errors import AlreadyExists, ExternalRefTaken, FieldMismatch
from pipeline.store import targets
from pipeline.store.references import Known, look_up
from pipeline.tables import TargetRow

router = APIRouter(prefix="/v1/targets", tags=["targets"])


class TargetRowBody(TargetKeyBody):
    """A target as a row; value null withdraws it."""

    external_ref: Id
    value: TargetValue | None
    currency: CurrencyCode | None = None


@router.post("/import", dependencies=[require("targets:write")])
async def import_targets(body: ImportBody, work: WorkDep) -> ImportResult:
    """Set or revise targets by their external_ref."""
    rows = sort_rows(body, TargetRowBody, identity=lambda row: row.external_ref)
    batch = _Batch(actor=work.actor, now=work.now())
    keyed = batch.keyed(rows.accepted)
    batch.known = await look_up(await work.driver(), wanted_by(key for _, key in keyed))
    refs = [accepted.row.external_ref for accepted, _ in keyed]
    keys = [key.ordered() for _, key in keyed]
    for row in await targets.take_all(work.session, keys, external_refs=refs):
        batch.remember(row)
    results = []
    for accepted, key in keyed:
        try:
            results.append(batch.take(accepted, key, work=work))
        except Refusal as refusal:
            results.append(reject(accepted.index, refusal))
    if body.dry_run:
        work.discard()
    await work.record_all(batch.happened)
    return answer(rows.rejected, batch.rejected, results)


@dataclass
class _Batch:
    """The rows of one request against the targets that there are."""

    actor: Actor
    now: datetime
    known: Known | None = None
    by_ref: dict[str, TargetRow] = field(default_factory=dict)
    by_key: dict[TargetKey, TargetRow] = field(default_factory=dict)
    happened: list[tuple[EventData, int, datetime | None]] = field(default_factory=list)
    rejected: list[RowResult] = field(default_factory=list)

    def keyed(
        self, accepted: list[Accepted[TargetRowBody]]
    ) -> list[tuple[Accepted[TargetRowBody], TargetKey]]:
        """The rows whose scope makes sense, with their keys; the others are rejected."""
        found = []
        for one in accepted:
            try:
                found.append((one, one.row.key()))
            except Refusal as refusal:
                self.rejected.append(reject(one.index, refusal))
        return found

    def remember(self, row: TargetRow) -> None:
        """A target that exists."""
        self.by_key[targets.target_of(row).key] = row
        if row.external_ref is not None:
            self.by_ref[row.external_ref] = row

    def take(
        self, accepted: Accepted[TargetRowBody], told: TargetKey, *, work: WorkDep
    ) -> RowResult:
        """Set or revise one target. Raises what is wrong with the row."""
        assert self.known is not None
        row = accepted.row
        team, key = team_of(told, self.known), told.ordered()
        refuse_foreign_target(self.actor, team)
        entry = self.by_ref.get(row.external_ref)
        if entry is None:
            return self._set(accepted, key, team=team, work=work)
        if not self.actor.sees(entry.team):
            raise ExternalRefTaken(row.external_ref)
        present = targets.target_of(entry)
        if present.key != key:
            raise FieldMismatch(
                "external_ref",
                "the target of this external_ref is for another KPI, scope or period",
                hint="withdraw that one, and send the new one with an external_ref of its own",
            )
        at = max(self.now, present.changed_at)
        target, event = present.revise(value=row.value, currency=row.currency, at=at)
        if event is None:
            return RowResult(index=accepted.index, status="unchanged", id=entry.id)
        targets.put(entry, target)
        self.happened.append((event, target.version, at))
        return RowResult(index=accepted.index, status="updated", id=entry.id)

    def _set(
        self,
        accepted: Accepted[TargetRowBody],
        key: TargetKey,
        *,
        team: str | None,
        work: WorkDep,
    ) -> RowResult:
        row = accepted.row
        if key in self.by_key:
            raise AlreadyExists("target", str(key))
        if row.value is None:
            raise FieldMismatch(
                "value", "there is no target to withdraw", hint="give a value, or leave out the row"
            )
        target, event = Target.set(
            uuid7(),
            key,
            value=row.value,
            currency=row.currency,
            at=self.now,
            team=team,
        )
        self.remember(targets.add(work.session, target, external_ref=row.external_ref))
        self.happened.append((event, target.version, self.now))
        return RowResult(index=accepted.index, status="created", id=target.id)
