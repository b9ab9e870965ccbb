"""Owns how a row of somebody's history becomes a deal, or brings one up to date.

Invariant: what the row leaves out stays as it is, the same row again changes
nothing, and all rules hold but one: a deal may begin in the stage that it is
in, since nobody knows any more how it came there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Literal

from events.types import EventData
from events.types.pipeline import LostReason
from pipeline.domain.deal import Deal
from pipeline.domain.occasion import Occasion
from pipeline.domain.pipeline import Pipeline, StageType
from pipeline.domain.record import Details, Opening
from pipeline.domain.revision import Revision
from pipeline.errors import (
    DealAlreadyClosed,
    FieldMismatch,
    LostNoteMissing,
    OccurredInFuture,
    OccurredTooEarly,
)

Outcome = Literal["open", "won", "lost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedDeal:
    """A row whose references are resolved; None means that the row does not say."""

    fingerprint: str
    outcome: Outcome
    opening: Opening
    """What a new deal begins with: the row, what follows from it, and its fingerprint."""
    said: Opening
    """The row alone, which is all that may change a deal that exists."""
    stage: str | None = None
    created_at: datetime | None = None
    closed_at: datetime | None = None
    lost_reason: LostReason | None = None
    competitor: str | None = None
    note: str | None = None


def check_row(row: ImportedDeal, *, pipeline: Pipeline, now: datetime) -> None:
    """Raise what contradicts itself in the row, whatever deal it is about."""
    for field, moment in (("created_at", row.created_at), ("closed_at", row.closed_at)):
        if moment is not None and moment > now:
            raise OccurredInFuture(field)
    _check_stage(row, pipeline)
    if row.outcome == "open":
        _must_be_absent(row, "an open deal")
    else:
        _check_closing(row)


def _check_closing(row: ImportedDeal) -> None:
    if row.closed_at is None or row.created_at is None:
        missing = "closed_at" if row.closed_at is None else "created_at"
        raise FieldMismatch(
            missing, f"a deal that is {row.outcome} needs {missing}", hint="say when it was"
        )
    if row.closed_at < row.created_at:
        raise FieldMismatch(
            "closed_at", "closed_at lies before created_at", hint="correct one of the two"
        )
    if row.outcome == "won":
        _must_be_absent(replace(row, closed_at=None), "a won deal")
    elif row.lost_reason is None:
        raise FieldMismatch(
            "lost_reason", "a lost deal needs a lost_reason", hint="write unknown if nobody knows"
        )
    elif row.lost_reason == "other" and row.note is None:
        raise LostNoteMissing


def begin_deal(
    row: ImportedDeal, deal_id: str, *, pipeline: Pipeline, on: Occasion
) -> list[Revision]:
    """Open the deal in its stage at `created_at`, and close it at `closed_at`."""
    stage = row.stage
    if stage is not None and pipeline.stage(stage).type in (StageType.WON, StageType.LOST):
        stage = None
    begun = replace(on, at=row.created_at or on.at)
    deal, event = Deal.open(
        deal_id, row.opening, pipeline=pipeline, on=begun, stage=stage, straight=True
    )
    history = _History(deal, [Revision(before=None, after=deal, event=event, by=on.by)], on.by)
    if row.outcome != "open":
        history.close(row, pipeline=pipeline, on=on, straight=True)
    return history.revisions


def bring_up_to(
    row: ImportedDeal, deal: Deal, *, pipeline: Pipeline, on: Occasion
) -> list[Revision]:
    """The commands that make the deal what the row says; none if it is that already.

    An open deal that the row closes changes in everything at `closed_at`.
    """
    if row.fingerprint == deal.imported_as:
        return []
    deal.must_not_be_deleted()
    if row.created_at is not None and row.created_at != deal.created_at:
        raise FieldMismatch(
            "created_at",
            f"the deal was created at {deal.created_at.isoformat()}",
            hint="leave created_at as it was; when a deal began cannot be changed",
        )
    if deal.closed_at is not None:
        _must_say_the_same(row, deal)
        return []
    closing = row.outcome != "open"
    if closing and row.closed_at is not None and row.closed_at < deal.changed_at:
        raise OccurredTooEarly(deal.changed_at, field="closed_at")
    moment = replace(on, at=row.closed_at if closing and row.closed_at else on.at)
    history = _History(deal, [], on.by)
    history.correct(row, pipeline=pipeline, on=moment)
    if closing:
        history.close(row, pipeline=pipeline, on=moment, straight=False)
    return history.sealed(row.fingerprint)


class _History:
    """A deal and the revisions that this row has made of it."""

    def __init__(self, deal: Deal, revisions: list[Revision], by: str) -> None:
        self.deal = deal
        self.revisions = revisions
        self._by = by

    def correct(self, row: ImportedDeal, *, pipeline: Pipeline, on: Occasion) -> None:
        """Whatever the row says otherwise of an open deal."""
        said, deal = row.said, self.deal
        self._take(deal.revise(_merged(deal.details, said.details), pipeline=pipeline, on=on))
        if said.amount is not None:
            self._take(self.deal.change_amount(said.amount, pipeline=pipeline, on=on))
        owners, team = said.owners or deal.owners, said.team or deal.team
        self._take(self.deal.reassign(owners, team=team, pipeline=pipeline, on=on))
        if row.stage not in (None, deal.stage) and row.stage is not None:
            target = pipeline.stage(row.stage)
            if target.type in (StageType.OPEN, StageType.HOLD):
                self._take(self.deal.move(row.stage, pipeline=pipeline, on=on))

    def close(self, row: ImportedDeal, *, pipeline: Pipeline, on: Occasion, straight: bool) -> None:
        """Win or lose the deal at the row's `closed_at`."""
        moment = replace(on, at=row.closed_at or on.at)
        if row.outcome == "won":
            self._take(self.deal.win(pipeline=pipeline, on=moment, straight=straight))
            return
        self._take(
            self.deal.lose(
                row.lost_reason or "unknown",
                pipeline=pipeline,
                on=moment,
                competitor=row.competitor,
                note=row.note,
            )
        )

    def sealed(self, fingerprint: str) -> list[Revision]:
        """The revisions, the last of which remembers the row."""
        if self.revisions:
            last = self.revisions[-1]
            after = replace(last.after, imported_as=fingerprint)
            self.revisions[-1] = replace(last, after=after)
        return self.revisions

    def _take(self, result: tuple[Deal, EventData | None]) -> None:
        after, event = result
        if event is not None:
            self.revisions.append(Revision(before=self.deal, after=after, event=event, by=self._by))
            self.deal = after


def _check_stage(row: ImportedDeal, pipeline: Pipeline) -> None:
    if row.stage is None:
        return
    kind = pipeline.stage(row.stage).type
    closes: Mapping[StageType, Outcome] = {StageType.WON: "won", StageType.LOST: "lost"}
    if kind in closes and closes[kind] != row.outcome:
        raise FieldMismatch(
            "outcome",
            f"stage {row.stage} is of type {kind}, the outcome is {row.outcome}",
            hint="let stage and outcome say the same",
        )


def _must_be_absent(row: ImportedDeal, what: str) -> None:
    for field in ("closed_at", "lost_reason", "competitor", "note"):
        if getattr(row, field) is not None:
            raise FieldMismatch(
                field, f"{what} has no {field}", hint=f"leave out {field}, or correct outcome"
            )


def _must_say_the_same(row: ImportedDeal, deal: Deal) -> None:
    said = row.said
    same = (
        row.outcome == deal.status
        and row.closed_at == deal.closed_at
        and row.lost_reason == deal.lost_reason
        and row.competitor in (None, deal.competitor)
        and row.note in (None, deal.lost_note)
        and _merged(deal.details, said.details) == deal.details
        and said.amount in (None, deal.amount)
        and said.owners in ((), deal.owners)
        and said.team in (None, deal.team)
    )
    if not same:
        raise DealAlreadyClosed(deal.id, deal.status)


def _merged(present: Details, said: Details) -> Details:
    """The present details with what the row says put over them."""
    over = {field.name: getattr(said, field.name) for field in fields(Details)}
    return replace(present, **{name: value for name, value in over.items() if value is not None})
