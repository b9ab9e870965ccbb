"""What a target may be for: the thing that its scope names, and the team whose business that is."""

from __future__ import annotations

from collections.abc import Iterable

from chassis.auth import Actor
from pipeline.domain.target import TargetKey
from pipeline.errors import FieldMismatch, ReferenceUnknown, TeamOutsideScope
from pipeline.store.references import Known, Wanted


def wanted_by(keys: Iterable[TargetKey]) -> Wanted:
    """What must be known to judge the keys."""
    wanted = Wanted()
    for scope, value in (member for key in keys for member in key.members):
        if scope == "team":
            wanted.teams.add(value)
        elif scope == "owner":
            wanted.person_ids.add(value)
        elif scope == "product":
            wanted.products.add(value)
    return wanted


def team_of(key: TargetKey, known: Known) -> str | None:
    """The team of a team's or person's target. Raises ReferenceUnknown, FieldMismatch.

    Regions, segments, channels, projects and processes belong to other services:
    any name of one is taken.
    """
    fields = ("scope_value", "second_scope_value")
    told = zip(key.members, fields, strict=False)
    teams = {_team_of(*member, known, field=field) for member, field in told} - {None}
    if len(teams) > 1:
        raise FieldMismatch(
            "second_scope_value",
            "the person is not in that team",
            hint="name the person's own team, or one of the two",
        )
    return next(iter(teams), None)


def _team_of(scope: str, value: str, known: Known, *, field: str) -> str | None:
    match scope:
        case "team" if value in known.territories:
            return value
        case "owner" if people := [one for one in known.people if one.id == value]:
            return people[0].team
        case "product" if any(one.code == value for one in known.products):
            return None
        case "team" | "owner" | "product":
            raise ReferenceUnknown(field, value, hint=f"name an existing {scope}")
    return None


def refuse_foreign_target(actor: Actor, team: str | None) -> None:
    """Raise TeamOutsideScope; what belongs to no team is set by those who see all."""
    if not (actor.sees_all_teams or (team is not None and actor.sees(team))):
        raise TeamOutsideScope(team)
