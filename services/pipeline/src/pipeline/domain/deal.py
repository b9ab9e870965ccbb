"""Owns the deal: one chance of a sale, from its opening to won, lost or deleted.

Invariants: a deal is open, won, lost or deleted, and has `closed_at` exactly
while it is won or lost (a deleted one keeps what it had); every change makes
the next version and one event with the whole state; time never runs backwards;
a closed deal is frozen until it is reopened, which begins its next episode.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from events.money import Money
from events.types import EventData, Owner
from events.types.pipeline import (
    DealAmountChanged,
    DealCreated,
    DealDeleted,
    DealDetailsChanged,
    DealLost,
    DealReassigned,
    DealReopened,
    DealStageChanged,
    DealStatus,
    DealWon,
    LostReason,
)
from pipeline.domain.occasion import Occasion
from pipeline.domain.ownership import share
from pipeline.domain.pipeline import Pipeline, Stage, StageType
from pipeline.domain.record import DealRecord, Details, Opening
from pipeline.errors import (
    AlreadyInStage,
    CustomerMissing,
    DealNotClosed,
    LostNoteMissing,
    StageClosesDeal,
)

NOWHERE: Final = -1
"""The rank of a deal that is not yet on the ladder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal(DealRecord):
    """A chance of a sale. Its commands return the next state and the event of it."""

    @classmethod
    def open(
        cls,
        deal_id: str,
        opening: Opening,
        *,
        pipeline: Pipeline,
        on: Occasion,
        stage: str | None = None,
        override: str | None = None,
        straight: bool = False,
    ) -> tuple[Deal, DealCreated]:
        """Begin a deal in a stage, by default the pipeline's first.

        `straight` lets it begin further on without a skip, as imported history does.
        """
        target = pipeline.entry if stage is None else pipeline.stage(stage)
        if target.type in (StageType.WON, StageType.LOST):
            raise StageClosesDeal(target.code)
        rank = pipeline.rank(target)
        details = opening.details
        opened = cls(
            id=deal_id,
            version=1,
            pipeline=pipeline.code,
            stage=target.code,
            stage_rank=0 if rank is None else rank,
            stage_entered_at=on.at,
            status="open",
            episode=1,
            created_at=on.at,
            changed_at=on.at,
            owners=share(opening.owners),
            team=opening.team,
            name=details.name,
            customer_id=details.customer_id,
            product=details.product,
            channel=details.channel,
            amount=opening.amount,
            list_value=details.list_value,
            expected_close_on=details.expected_close_on,
            lead=opening.lead,
            external_ref=opening.external_ref,
            imported_as=opening.imported_as,
            dimensions=on.around.dimensions(
                team=opening.team,
                product=details.product,
                channel=details.channel,
                customer_id=details.customer_id,
                lead=opening.lead,
            ),
        )
        overridden = opened.passes(
            target, pipeline=pipeline, from_rank=None if straight else NOWHERE, override=override
        )
        return opened, DealCreated(deal=opened.state(), overridden=overridden)

    def move(
        self, to: str, *, pipeline: Pipeline, on: Occasion, override: str | None = None
    ) -> tuple[Deal, DealStageChanged]:
        """Go to another open stage, or on hold."""
        self.must_be_open()
        target = pipeline.stage(to)
        if target.type in (StageType.WON, StageType.LOST):
            raise StageClosesDeal(to)
        if to == self.stage:
            raise AlreadyInStage(to)
        rank = self.rank_in(pipeline)
        overridden = self.passes(target, pipeline=pipeline, from_rank=rank, override=override)
        reached = pipeline.rank(target)
        moved = self.next(
            on,
            stage=to,
            stage_rank=rank if reached is None else reached,
            stage_entered_at=on.at,
        )
        event = DealStageChanged(deal=moved.state(), from_stage=self.stage, overridden=overridden)
        return moved, event

    def change_amount(
        self, amount: Money | None, *, pipeline: Pipeline, on: Occasion
    ) -> tuple[Deal, EventData | None]:
        """Expect another amount, or none; the same amount again is no change."""
        self.must_be_open()
        if amount == self.amount:
            return self, None
        changed = self.next(on, amount=amount)
        changed.must_keep_fields(of=self, pipeline=pipeline)
        return changed, DealAmountChanged(deal=changed.state())

    def reassign(
        self, owners: tuple[Owner, ...], *, team: str | None, pipeline: Pipeline, on: Occasion
    ) -> tuple[Deal, EventData | None]:
        """Give the deal to others, or to another team."""
        self.must_be_open()
        shared = share(owners)
        if (shared, team) == (self.owners, self.team):
            return self, None
        given = self.next(on, owners=shared, team=team)
        given.must_keep_fields(of=self, pipeline=pipeline)
        return given, DealReassigned(deal=given.state())

    def revise(
        self, details: Details, *, pipeline: Pipeline, on: Occasion
    ) -> tuple[Deal, EventData | None]:
        """Correct what the deal is about. A later expected close counts as a push."""
        self.must_be_open()
        if details == self.details:
            return self, None
        before, after = self.expected_close_on, details.expected_close_on
        pushed = before is not None and after is not None and after > before
        revised = self.next(
            on,
            name=details.name,
            customer_id=details.customer_id,
            product=details.product,
            channel=details.channel,
            list_value=details.list_value,
            expected_close_on=after,
            close_date_pushes=self.close_date_pushes + pushed,
        )
        revised.must_keep_fields(of=self, pipeline=pipeline)
        return revised, DealDetailsChanged(deal=revised.state())

    def win(
        self,
        *,
        pipeline: Pipeline,
        on: Occasion,
        override: str | None = None,
        straight: bool = False,
    ) -> tuple[Deal, DealWon]:
        """Close the deal as won.

        Raises CustomerMissing, whatever is overridden: a sale without a buyer is none.
        """
        self.must_be_open()
        if self.customer_id is None:
            raise CustomerMissing(self.id)
        target = pipeline.won
        from_rank = None if straight else self.rank_in(pipeline)
        overridden = self.passes(target, pipeline=pipeline, from_rank=from_rank, override=override)
        won = self._closed(target, pipeline=pipeline, on=on, status="won")
        return won, DealWon(deal=won.state(), overridden=overridden)

    def lose(
        self,
        reason: LostReason,
        *,
        pipeline: Pipeline,
        on: Occasion,
        competitor: str | None = None,
        note: str | None = None,
        override: str | None = None,
    ) -> tuple[Deal, DealLost]:
        """Close the deal as lost, from any stage."""
        self.must_be_open()
        if reason == "other" and note is None:
            raise LostNoteMissing
        target = pipeline.lost
        overridden = self.passes(target, pipeline=pipeline, from_rank=None, override=override)
        lost = self._closed(
            target,
            pipeline=pipeline,
            on=on,
            status="lost",
            lost_reason=reason,
            competitor=competitor,
            lost_note=note,
        )
        event = DealLost(
            deal=lost.state(), reason=reason, competitor=competitor, overridden=overridden
        )
        return lost, event

    def reopen(self, *, pipeline: Pipeline, on: Occasion) -> tuple[Deal, DealReopened]:
        """Take the closing back, as if it had not been; the deal returns to where it was."""
        self.must_not_be_deleted()
        if self.closed_from is None:
            raise DealNotClosed(self.id)
        stage = pipeline.stage(self.closed_from)
        rank = pipeline.rank(stage)
        reopened = self.next(
            on,
            status="open",
            episode=self.episode + 1,
            stage=stage.code,
            stage_rank=self.stage_rank if rank is None else rank,
            stage_entered_at=on.at,
            closed_at=None,
            closed_from=None,
            lost_reason=None,
            competitor=None,
            lost_note=None,
        )
        return reopened, DealReopened(deal=reopened.state())

    def delete(self, *, on: Occasion) -> tuple[Deal, DealDeleted]:
        """Take out a deal that was entered by mistake, open or closed."""
        self.must_not_be_deleted()
        deleted = self.next(on, status="deleted")
        return deleted, DealDeleted(deal=deleted.state())

    def _closed(
        self,
        target: Stage,
        *,
        pipeline: Pipeline,
        on: Occasion,
        status: DealStatus,
        **why: str | None,
    ) -> Deal:
        rank = pipeline.rank(target)
        own = self.rank_in(pipeline)
        return self.next(
            on,
            status=status,
            stage=target.code,
            stage_rank=own if rank is None else rank,
            stage_entered_at=on.at,
            closed_at=on.at,
            closed_from=pipeline.ladder[min(own, len(pipeline.ladder) - 1)].code,
            **why,
        )
