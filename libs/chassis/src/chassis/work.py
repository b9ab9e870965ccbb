"""The unit of work: session, clock, actor and outbox, committed together, here alone."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any

import asyncpg
from fastapi import Depends, Request

from chassis import tracing
from chassis.auth.actor import Actor
from chassis.auth.dependencies import current_actor
from chassis.errors import Invalid
from chassis.resources import Resources, resources_of
from chassis.sessions import Session
from events import Event, append_asyncpg, together
from events.sqlalchemy import driver_of
from events.types import EventData


class HistoryInFuture(Invalid):
    """A command cannot say that it happened later than now."""

    title = "the moment lies in the future"


class HistoryOutOfOrder(Invalid):
    """A command cannot happen before the last change of the same thing."""

    title = "the moment lies before the last change"


class Work:
    """One act of one actor. Rows and events become durable together or not at all."""

    def __init__(self, *, session: Session, actor: Actor, resources: Resources) -> None:
        self.session = session
        self.actor = actor
        self._clock = resources.clock
        self._source = resources.settings.event_source
        self._doorbell = resources.doorbell
        self._events: list[Event] = []
        self._promised = False
        self._discarded = False

    def now(self) -> datetime:
        """The present, UTC."""
        return self._clock.now()

    def moment(
        self, occurred_at: datetime | None, *, not_before: datetime | None = None
    ) -> datetime:
        """When the command happened: now, or as it says if the actor may write history.

        `not_before` is the last change of the same aggregate. Raises
        PermissionMissing, HistoryInFuture, HistoryOutOfOrder.
        """
        now = self.now()
        if occurred_at is None:
            # A clock that was set back must not make an aggregate's history run backwards.
            return max(now, not_before) if not_before else now
        self.actor.demand("history:write")
        if occurred_at > now:
            raise HistoryInFuture(
                "occurred_at lies in the future",
                field="occurred_at",
                hint="leave it out, or give a past instant",
            )
        if not_before is not None and occurred_at < not_before:
            raise HistoryOutOfOrder(
                f"occurred_at lies before the last change at {not_before.isoformat()}",
                field="occurred_at",
                hint="give an instant that is not before it",
            )
        return occurred_at

    async def record(
        self,
        data: EventData,
        *,
        sequence: int,
        occurred_at: datetime | None = None,
        subject: str | None = None,
    ) -> Event:
        """Say what happened; it is written to the outbox with the next `write`, or the commit.

        `sequence` is the aggregate's version after the change, from 1 without gaps.
        """
        event = self._event(data, sequence, at=occurred_at, subject=subject)
        self._events.append(event)
        return event

    async def record_all(self, happened: Iterable[tuple[EventData, int, datetime | None]]) -> None:
        """`record` for many: (data, sequence, occurred_at) each, in one statement."""
        self._events += [self._event(data, sequence, at=at) for data, sequence, at in happened]

    def discard(self) -> None:
        """Make the end of this unit a rollback: a dry run answers and leaves nothing."""
        self._discarded = True

    async def write(self, statement: str, *arguments: Any) -> Any:
        """Execute a statement on the driver, and with it promise what was recorded so far.

        So events cost no round trip of their own. Gives the first column of the first row.
        """
        driver = await self.driver()
        # What a savepoint undoes would be promised by nobody: those events wait for the commit.
        if self._events and not self.session.in_nested_transaction():
            events, self._events, self._promised = self._events, [], True
            return await driver.fetchval(*together(statement, *arguments, events=events))
        return await driver.fetchval(statement, *arguments)

    async def driver(self) -> "asyncpg.Connection[Any]":
        """The asyncpg connection of this unit's transaction, for set-based statements.

        Flush the session first if the statements must see its rows.
        """
        return await driver_of(self.session)

    def _event(
        self,
        data: EventData,
        sequence: int,
        *,
        at: datetime | None,
        subject: str | None = None,
    ) -> Event:
        now = self.now()
        return Event.of(
            data,
            source=self._source,
            sequence=sequence,
            occurred_at=at or now,
            recorded_at=now,
            traceparent=tracing.current().traceparent,
            subject=subject,
        )

    async def _commit(self) -> None:
        # Also a dry run goes as far as it can, so that constraints have their say.
        await self.session.flush()
        if self._discarded:
            await self.session.rollback()
            return
        if self._events:
            # Past SQLAlchemy, which would cost more than the row itself.
            await append_asyncpg(await driver_of(self.session), self._events)
        await self.session.commit()
        if self._events or self._promised:
            self._doorbell.ring()


@asynccontextmanager
async def begin(resources: Resources, *, actor: Actor) -> AsyncIterator[Work]:
    """A unit of work outside a request; commits at the end of the block."""
    assert resources.sessions is not None, "give build_app a Sessions()"
    async with resources.sessions() as session:
        work = Work(session=session, actor=actor, resources=resources)
        yield work
        await work._commit()  # noqa: SLF001 - the one place that commits


async def _work(
    request: Request, actor: Annotated[Actor, Depends(current_actor)]
) -> AsyncIterator[Work]:
    async with begin(resources_of(request), actor=actor) as work:
        yield work


# With the default scope FastAPI would send the answer first and commit afterwards,
# so that a failed commit had been acknowledged.
WorkDep = Annotated[Work, Depends(_work, scope="function")]
