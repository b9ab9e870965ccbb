"""Who may see the same figures as whom."""

from __future__ import annotations

from chassis.auth.actor import Actor

ALL_TEAMS = "*"


def scope_of(actor: Actor) -> str:
    """Callers of equal scope get equal answers: metrics filters by teams and by nothing else."""
    return ALL_TEAMS if actor.sees_all_teams else "\x1f".join(sorted(actor.teams))
