"""What a target may be for: the thing that its scope names, and the team whose business that is."""

from __future__ import annotations

from collections.abc import Iterable

from chassis.auth import Actor
from pipeline.domain.target import TargetKey
from pipeline.errors import ReferenceUnknown, TeamOutsideScope
from pipeline.store.references import Known, Wanted


def wanted_by(keys: Iterable[TargetKey]) -> Wanted:
    """What must be known to judge the keys."""
    wanted = Wanted()
    for key in keys:
        if key.scope_value is None:
            continue
        if key.scope == "team":
            wanted.teams.add(key.scope_value)
        elif key.scope == "owner":
            wanted.person_ids.add(key.scope_value)
        elif key.scope == "product":
            wanted.products.add(key.scope_value)
    return wanted


def team_of(key: TargetKey, known: Known) -> str | None:
    """The team of a team's or person's target. Raises ReferenceUnknown.

    Regions, segments, channels, projects and processes belong to other services:
    any name of one is taken.
    """
    if key.scope == "team":
        if key.scope_value not in known.territories:
            raise _unknown(key)
        return key.scope_value
    if key.scope == "owner":
        for person in known.people:
            if person.id == key.scope_value:
                return person.team
        raise _unknown(key)
    if key.scope == "product" and all(one.code != key.scope_value for one in known.products):
        raise _unknown(key)
    return None


def refuse_foreign_target(actor: Actor, team: str | None) -> None:
    """Raise TeamOutsideScope; what belongs to no team is set by those who see all."""
    if not (actor.sees_all_teams or (team is not None and actor.sees(team))):
        raise TeamOutsideScope(team)


def _unknown(key: TargetKey) -> ReferenceUnknown:
    return ReferenceUnknown(
        "scope_value", str(key.scope_value), hint=f"name an existing {key.scope}"
    )
