"""From a bearer token to an Actor: signature, issuer, audience and time, all pinned."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final, Protocol

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.util import to_bytes

from chassis.auth.actor import Actor
from chassis.auth.keys import KeySource
from chassis.clock import Clock
from chassis.errors import Unauthenticated

ALGORITHMS: Final = ["ES256", "EdDSA"]
LEEWAY_SECONDS: Final = 10
"""Clocks of issuer and service may differ by this much; tokens live for minutes to hours."""
LONGEST_TOKEN: Final = 8192
REMEMBERED_SECONDS: Final = 60
"""A verified token is trusted this long without a new look: verification costs more than
most requests, and a withdrawn key takes longer than that to get around anyway."""
MOST_REMEMBERED: Final = 2048


class TokenMissing(Unauthenticated):
    """No bearer token was sent."""

    title = "token missing"


class TokenRefused(Unauthenticated):
    """The token is expired, meant for others, or not signed by our issuer."""

    title = "token refused"


class ApiKeys(Protocol):
    """Credentials that a service issues itself; they come in the header of the tokens."""

    def recognises(self, credential: str) -> bool:
        """Whether it is meant to be one of these keys, good or not."""
        ...

    async def authenticate(self, credential: str) -> Actor:
        """The caller behind a key. Raises Unauthenticated, Unavailable."""
        ...


class Authenticator:
    """Verifies bearer tokens of one issuer for one audience, and keys of the service's own."""

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        keys: KeySource,
        clock: Clock,
        api_keys: ApiKeys | None = None,
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys
        self._clock = clock
        self._api_keys = api_keys
        self._remembered: OrderedDict[str, tuple[float, Actor]] = OrderedDict()

    async def authenticate(self, authorization: str | None) -> Actor:
        """The caller behind an Authorization header.

        Raises TokenMissing, TokenRefused, KeysUnavailable.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenMissing(
                "no bearer token was sent", hint="send Authorization: Bearer <token>"
            )
        if self._api_keys is not None and self._api_keys.recognises(token):
            return await self._api_keys.authenticate(token)
        now = self._clock.now().timestamp()
        until, actor = self._remembered.get(token, (0.0, None))
        if actor is None or now >= until:
            claims = await self._verified_claims(token)
            actor = _actor_of(claims)
            self._remember(token, actor, until=min(now + REMEMBERED_SECONDS, claims["exp"]))
        return actor

    def _remember(self, token: str, actor: Actor, *, until: float) -> None:
        self._remembered[token] = (until, actor)
        self._remembered.move_to_end(token)
        if len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)

    async def _verified_claims(self, token: str) -> Mapping[str, Any]:
        key_id = _key_id_of(token)
        key = await self._keys.find(key_id)
        if key is None:
            raise TokenRefused("the token's key is not one of the issuer's", hint="get a new token")
        registry = jwt.JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            sub={"essential": True},
            exp={"essential": True},
        )
        try:
            claims = jwt.decode(token, key, algorithms=ALGORITHMS).claims
            registry.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise TokenRefused(
                f"the token is not valid here ({type(error).__name__})", hint="get a new token"
            ) from None
        return claims


def _key_id_of(token: str) -> str:
    if len(token) > LONGEST_TOKEN:
        raise TokenRefused("the token is too long", hint="get a new token")
    try:
        key_id = jws.extract_compact(to_bytes(token)).headers().get("kid")
    except (JoseError, ValueError, TypeError):
        raise TokenRefused("the token is not a signed JWT", hint="get a new token") from None
    if not isinstance(key_id, str):
        raise TokenRefused("the token names no key", hint="get a new token")
    return key_id


def _actor_of(claims: Mapping[str, Any]) -> Actor:
    subject = claims["sub"]
    if not isinstance(subject, str) or not subject:
        raise TokenRefused("the token names nobody", hint="get a new token")
    return Actor(
        id=subject,
        roles=_names(claims, "roles"),
        teams=_names(claims, "teams"),
        sources=_names(claims, "sources"),
    )


def _names(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    values = claims.get(claim, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TokenRefused(
            f"the token's claim {claim} is not a list of names", hint="get a new token"
        )
    return frozenset(values)
