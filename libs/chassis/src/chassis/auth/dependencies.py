"""How a route says who may call it. A route that says nothing is refused when the app is built."""

from typing import Annotated, Any

from fastapi import Depends, Request

from chassis.auth.actor import Actor
from chassis.auth.gate import ACTOR_KEY
from chassis.auth.roles import PERMISSIONS
from chassis.resources import resources_of


async def current_actor(request: Request) -> Actor:
    """The verified caller of this request."""
    # The gate has verified requests that change something, before their body was read.
    known = request.scope.get(ACTOR_KEY)
    if isinstance(known, Actor):
        return known
    authenticator = resources_of(request).authenticator
    return await authenticator.authenticate(request.headers.get("authorization"))


class Requirement:
    """The permission that a route's callers must hold."""

    def __init__(self, permission: str) -> None:
        if permission not in PERMISSIONS:
            raise ValueError(f"{permission} is not a permission; declare it in chassis.auth.roles")
        self.permission = permission

    async def __call__(self, actor: Annotated[Actor, Depends(current_actor)]) -> Actor:
        actor.demand(self.permission)
        return actor


class Openness:
    """Marks a route that anybody may call; only one that reads can be marked so."""

    async def __call__(self) -> None:
        return None


def require(permission: str) -> Any:
    """Declare a route's permission: `dependencies=[require("deals:write")]`.

    Also as an annotation that yields the caller: `Annotated[Actor, require("deals:write")]`.
    """
    return Depends(Requirement(permission))


def public() -> Any:
    """Declare that a route needs no identity at all."""
    return Depends(Openness())


ActorDep = Annotated[Actor, Depends(current_actor)]
