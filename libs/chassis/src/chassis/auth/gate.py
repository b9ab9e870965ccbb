"""Identity before content: nobody unknown makes us read and parse a body."""

from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis import problems
from chassis.auth.tokens import Authenticator
from chassis.errors import Refusal

ACTOR_KEY: Final = "tandem.actor"
READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing; only routes of these may be public."""


class IdentityGate:
    """Refuses requests that would change something unless their token is good.

    FastAPI parses the body before it asks any dependency; with up to 16 MiB of
    JSON that is work that a stranger must not be able to order.
    """

    def __init__(self, app: ASGIApp, *, authenticator: Authenticator) -> None:
        self._app = app
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in READING:
            header = Headers(scope=scope).get("authorization")
            try:
                scope[ACTOR_KEY] = await self._authenticator.authenticate(header)
            except Refusal as refusal:
                await problems.respond(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)
