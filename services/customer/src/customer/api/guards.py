"""What is checked before a change: the caller's version and the caller's teams."""

from __future__ import annotations

from typing import Protocol

from chassis.auth import Actor
from chassis.concurrency import ExpectedVersion
from chassis.work import Work
from customer.errors import TeamNotYours
from customer.store.history import changed_since


class VersionedView(Protocol):
    """The answer about one versioned thing."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> int: ...


async def refuse_stale(work: Work, expected: ExpectedVersion, current: VersionedView) -> None:
    """Raise StaleVersion, with the present state and the fields changed since the caller read."""
    if expected.version in (None, current.version):
        return
    changed = await changed_since(work.session, current.id, version=expected.version or 0)
    expected.check(current.version, current=current, changed=changed)


def refuse_foreign_team(actor: Actor, team: str | None) -> None:
    """Raise TeamNotYours: nobody puts a thing where they could not see it."""
    if team is not None and not actor.sees(team):
        raise TeamNotYours(team)
