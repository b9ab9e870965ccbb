"""What callers may reach: their teams, moments of the past, overrides of rules."""

from __future__ import annotations

from chassis.auth import Actor
from pipeline.errors import OverrideNotAllowed, TeamOutsideScope


def refuse_foreign_team(actor: Actor, team: str | None) -> None:
    """Raise TeamOutsideScope: nobody puts a thing where they could not see it."""
    if not actor.sees(team):
        raise TeamOutsideScope(team)


def home_team(actor: Actor) -> str | None:
    """The team of somebody who has just one: where what they begin belongs if nothing is said."""
    if actor.sees_all_teams or len(actor.teams) != 1:
        return None
    return next(iter(actor.teams))


def visible_teams(actor: Actor) -> frozenset[str] | None:
    """The teams whose rows the actor sees besides those of no team; None for all."""
    return None if actor.sees_all_teams else actor.teams


def allowed_override(actor: Actor, reason: str | None) -> str | None:
    """The reason, if the actor may override stage rules at all. Raises OverrideNotAllowed."""
    if reason is not None and not actor.may("deals:override"):
        raise OverrideNotAllowed
    return reason
