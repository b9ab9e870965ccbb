"""Who acts, and what of the company they may see and do."""

from dataclasses import dataclass

from chassis.auth.roles import ALL_TEAM_ROLES, permissions_of
from chassis.errors import Forbidden


class PermissionMissing(Forbidden):
    """The caller's roles do not include what the act needs."""

    title = "permission missing"


@dataclass(frozen=True, slots=True)
class Actor:
    """A verified caller. `sources` binds a partner to the event sources that are its own.

    `event_types` and `scopes` narrow a partner's key further: None means all event types
    of partners, and all permissions of the roles.
    """

    id: str
    roles: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    event_types: frozenset[str] | None = None
    scopes: frozenset[str] | None = None

    @property
    def permissions(self) -> frozenset[str]:
        held = permissions_of(self.roles)
        return held if self.scopes is None else held & self.scopes

    @property
    def sees_all_teams(self) -> bool:
        return "*" in self.teams or not self.roles.isdisjoint(ALL_TEAM_ROLES)

    def sees(self, team: str | None) -> bool:
        """Whether a row of this team may be shown; rows of no team belong to everybody."""
        return team is None or self.sees_all_teams or team in self.teams

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def demand(self, permission: str) -> None:
        """Raise PermissionMissing unless the actor holds it."""
        if not self.may(permission):
            raise PermissionMissing(
                f"this needs the permission {permission}",
                hint="ask an administrator for a role that includes it",
            )


SYSTEM = Actor(id="system", roles=frozenset({"admin"}))
"""Acts for the house itself, as event handlers do; never built from a token."""
