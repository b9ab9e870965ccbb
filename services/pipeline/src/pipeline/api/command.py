"""What every change of a deal goes through: lock, scope, version, and a save with its event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Response

from chassis.concurrency import ExpectedVersion, IfMatch, StaleVersion, set_etag
from chassis.types import Id
from chassis.work import Work, WorkDep
from events import Connection
from events.types import EventData
from pipeline.api.deal_view import DealView
from pipeline.domain.deal import Deal
from pipeline.domain.occasion import Occasion, Surroundings
from pipeline.domain.pipeline import Pipeline
from pipeline.domain.revision import Revision
from pipeline.errors import DealNotFound
from pipeline.store import deals, history


@dataclass(frozen=True, slots=True, kw_only=True)
class DealCommand:
    """One change of one deal, until the request ends."""

    work: Work
    connection: Connection
    held: deals.DealInHand
    response: Response

    @property
    def deal(self) -> Deal:
        return self.held.deal

    @property
    def pipeline(self) -> Pipeline:
        return self.held.pipeline

    def on(self, occurred_at: datetime | None, *, beside: Surroundings | None = None) -> Occasion:
        """The occasion of the command; `beside` are customers and teams that it brings in."""
        around = self.held.around
        if beside is not None:
            around = Surroundings(
                customers={**around.customers, **beside.customers},
                territories={**around.territories, **beside.territories},
            )
        at = self.work.moment(occurred_at, not_before=self.deal.changed_at)
        return Occasion(at=at, by=self.work.actor.id, around=around)

    async def keep(
        self, result: tuple[Deal, EventData | None], *, because: str | None = None
    ) -> DealView:
        """Save what a command made, and answer it; no event means that nothing changed."""
        after, event = result
        if event is not None:
            by = self.work.actor.id
            revision = Revision(before=self.deal, after=after, event=event, by=by, because=because)
            await keep_all(self.work, [revision])
        set_etag(self.response, after.version)
        return DealView.of(after)


async def keep_all(work: Work, revisions: Sequence[Revision]) -> None:
    """Save revisions and promise their events."""
    await work.record_all(
        (revision.event, revision.after.version, revision.after.changed_at)
        for revision in revisions
    )
    await deals.write(work.write, revisions, recorded_at=work.now())


async def _deal_command(
    deal_id: Id, work: WorkDep, expected: IfMatch, response: Response
) -> DealCommand:
    connection = await work.driver()
    held = await deals.take(connection, deal_id)
    if held is None or held.deal.status == "deleted" or not work.actor.sees(held.deal.team):
        raise DealNotFound(deal_id)
    await _refuse_stale(connection, held.deal, expected)
    return DealCommand(work=work, connection=connection, held=held, response=response)


async def _refuse_stale(connection: Connection, deal: Deal, expected: ExpectedVersion) -> None:
    if expected.version in (None, deal.version):
        return
    since = await history.changed_since(connection, deal.id, expected.version or 0)
    raise StaleVersion(
        f"the deal has version {deal.version}, your change was made from {expected.version}",
        hint="look at `changes`, then send your change again with the new ETag",
        current=DealView.of(deal),
        changed=list(since),
        changes=[
            {"field": field, "yours": before, "current": after}
            for field, (before, after) in since.items()
        ],
        version=deal.version,
    )


DealCommandDep = Annotated[DealCommand, Depends(_deal_command)]
