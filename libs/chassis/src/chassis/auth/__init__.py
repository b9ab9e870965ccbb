"""Who is calling, and whether they may."""

from chassis.auth.actor import SYSTEM, Actor, PermissionMissing
from chassis.auth.dependencies import ActorDep, current_actor, public, require
from chassis.auth.roles import PERMISSIONS, ROLES
from chassis.auth.tokens import ApiKeys, Authenticator, TokenMissing, TokenRefused

__all__ = [
    "PERMISSIONS",
    "ROLES",
    "SYSTEM",
    "Actor",
    "ActorDep",
    "ApiKeys",
    "Authenticator",
    "PermissionMissing",
    "TokenMissing",
    "TokenRefused",
    "current_actor",
    "public",
    "require",
]
