"""Whom a service believes: our issuer's signature, for us, now; nothing else."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from chassis.auth import PERMISSIONS, ROLES, Actor, Authenticator, PermissionMissing, require
from chassis.auth import keys as keys_module
from chassis.auth.keys import KeySource, KeysUnavailable
from chassis.auth.tokens import TokenMissing, TokenRefused
from chassis.clock import SetClock
from chassis.settings import DEVELOPMENT_ISSUER
from local.identity import Issuer

Claims = dict[str, Any]


@pytest.fixture
def now() -> SetClock:
    return SetClock(datetime.now(UTC))


@pytest.fixture
def authenticator(issuer: Issuer, now: SetClock) -> Authenticator:
    return Authenticator(
        issuer=DEVELOPMENT_ISSUER,
        audience="tandem",
        keys=KeySource(issuer.jwks_url),
        clock=now,
    )


@pytest.fixture
def key(issuer: Issuer) -> ECKey:
    return ECKey.import_key(json.loads((issuer.folder / "key.json").read_text()))


def claims(now: SetClock, **changed: object) -> Claims:
    at = int(now.now().timestamp())
    good = {
        "iss": DEVELOPMENT_ISSUER,
        "aud": "tandem",
        "sub": "ann",
        "iat": at,
        "exp": at + 60,
        "roles": ["sales_rep"],
        "teams": ["north"],
    }
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def signed(key: Any, payload: Claims, *, kid: str | None = None, alg: str = "ES256") -> str:
    header = {"alg": alg, "kid": kid or key.kid}
    return "Bearer " + jwt.encode(header, payload, key, algorithms=[alg])


async def test_a_good_token_says_who_acts(
    authenticator: Authenticator, key: ECKey, now: SetClock
) -> None:
    actor = await authenticator.authenticate(signed(key, claims(now, sources=["/shop"])))
    assert actor.id == "ann"
    assert actor.may("deals:write")
    assert not actor.may("deals:override")
    assert actor.sees("north")
    assert not actor.sees("south")
    assert actor.sources == frozenset({"/shop"})


@pytest.mark.parametrize(
    "header", [None, "", "Basic eDp5", "Bearer", "Bearer ", "bearerx", "Token abc"]
)
async def test_without_a_token_nobody_acts(
    authenticator: Authenticator, header: str | None
) -> None:
    with pytest.raises(TokenMissing):
        await authenticator.authenticate(header)


@pytest.mark.parametrize(
    "token", ["x", "a.b.c", "..", "eyJhbGciOiJub25lIn0.e30.", "é.é.é", "A" * 9000, "a b c"]
)
async def test_what_is_no_token_is_refused(authenticator: Authenticator, token: str) -> None:
    with pytest.raises(TokenRefused):
        await authenticator.authenticate(f"Bearer {token}")


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://elsewhere.example.com"},
        {"iss": None},
        {"aud": "others"},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 5},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": 1},
        {"nbf": 2**40},
        {"roles": "admin"},
        {"roles": [1]},
        {"teams": {"north": 1}},
    ],
)
async def test_claims_that_are_not_for_us_are_refused(
    authenticator: Authenticator, key: ECKey, now: SetClock, changed: Claims
) -> None:
    with pytest.raises(TokenRefused):
        await authenticator.authenticate(signed(key, claims(now, **changed)))


async def test_a_remembered_token_ends_with_its_time(
    authenticator: Authenticator, key: ECKey, now: SetClock
) -> None:
    token = signed(key, claims(now))
    await authenticator.authenticate(token)
    now.advance(timedelta(seconds=59))
    await authenticator.authenticate(token)
    now.advance(timedelta(seconds=30))
    with pytest.raises(TokenRefused):
        await authenticator.authenticate(token)


async def test_another_signature_is_refused(
    authenticator: Authenticator, key: ECKey, now: SetClock, issuer: Issuer
) -> None:
    stranger = ECKey.generate_key("P-256")
    with pytest.raises(TokenRefused):
        await authenticator.authenticate(signed(stranger, claims(now), kid=key.kid))
    # The classic confusion: our public key, taken as the secret of an HMAC.
    public = OctKey.import_key((issuer.folder / "jwks.json").read_bytes())
    with pytest.raises(TokenRefused):
        await authenticator.authenticate(signed(public, claims(now), kid=key.kid, alg="HS256"))
    header, payload, signature = signed(key, claims(now)).split(".")
    with pytest.raises(TokenRefused):
        await authenticator.authenticate(f"{header}.{payload}.{signature[::-1]}")


async def test_an_unknown_key_is_refused(authenticator: Authenticator, now: SetClock) -> None:
    stranger = ECKey.generate_key("P-256")
    with pytest.raises(TokenRefused, match="key"):
        await authenticator.authenticate(signed(stranger, claims(now), kid="invented"))


class RemoteIssuer:
    """A key set that can be away, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.away = False
        self.keys: list[ECKey] = []
        self.add_key()

    def add_key(self) -> str:
        """A new key; its id."""
        self.keys.append(ECKey.generate_key("P-256", auto_kid=True))
        return self.kid

    @property
    def kid(self) -> str:
        """The id of the newest key."""
        return str(self.keys[-1].kid)

    async def fetch(self, _url: str) -> object:
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise OSError("away")
        return {"keys": [key.as_dict(private=False) for key in self.keys]}


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> RemoteIssuer:
    remote = RemoteIssuer()
    monkeypatch.setattr(keys_module, "fetch_json", remote.fetch)
    return remote


class Stopwatch:
    """Time that passes when told to."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch() -> Stopwatch:
    return Stopwatch()


async def test_many_requests_ask_the_issuer_once(remote: RemoteIssuer, watch: Stopwatch) -> None:
    source = KeySource("https://x", monotonic=watch)
    kid = remote.kid
    found = await asyncio.gather(*(source.find(kid) for _ in range(50)))
    assert all(found)
    assert remote.asked == 1


async def test_known_keys_stay_when_the_issuer_is_away(
    remote: RemoteIssuer, watch: Stopwatch
) -> None:
    source = KeySource("https://x", monotonic=watch)
    kid = remote.kid
    await source.find(kid)
    remote.away = True
    watch.seconds += 10_000
    assert await source.find(kid) is not None
    await asyncio.sleep(0.01)
    assert remote.asked == 2
    assert await source.find(kid) is not None


async def test_a_new_key_is_found_and_invented_ones_do_not_storm_the_issuer(
    remote: RemoteIssuer, watch: Stopwatch
) -> None:
    source = KeySource("https://x", monotonic=watch)
    await source.find(remote.kid)
    remote.add_key()
    assert await source.find(remote.kid) is None
    watch.seconds += 11
    assert await source.find(remote.kid) is not None
    for number in range(100):
        assert await source.find(f"invented-{number}") is None
    assert remote.asked == 2


async def test_without_any_key_the_service_is_unavailable_not_open(
    remote: RemoteIssuer, watch: Stopwatch
) -> None:
    remote.away = True
    source = KeySource("https://x", monotonic=watch)
    with pytest.raises(KeysUnavailable):
        await source.find("k")
    watch.seconds += 11
    remote.away = False
    assert await source.find(remote.kid) is not None


@pytest.mark.parametrize(
    "document", [None, [], {}, {"keys": {}}, {"keys": []}, {"keys": [{"kty": "oct", "kid": "k"}]}]
)
def test_what_is_no_key_set_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match="JWKS"):
        keys_module.parse_keys(document)


def test_every_role_holds_declared_permissions_only() -> None:
    for role, permissions in ROLES.items():
        assert permissions <= PERMISSIONS, role


def test_an_unknown_role_or_permission_gives_nothing() -> None:
    actor = Actor(id="x", roles=frozenset({"emperor"}), teams=frozenset({"*"}))
    assert actor.permissions == frozenset()
    with pytest.raises(PermissionMissing, match="deals:read"):
        actor.demand("deals:read")
    with pytest.raises(ValueError, match="deals:reed"):
        require("deals:reed")


@pytest.mark.parametrize(
    ("roles", "teams", "team", "seen"),
    [
        ({"sales_rep"}, {"north"}, "north", True),
        ({"sales_rep"}, {"north"}, "south", False),
        ({"sales_rep"}, set(), "north", False),
        ({"sales_rep"}, set(), None, True),
        ({"sales_rep"}, {"*"}, "north", True),
        ({"boss"}, set(), "north", True),
        ({"importer"}, set(), "north", True),
        ({"sales_rep", "boss"}, set(), "north", True),
    ],
)
def test_teams_bound_what_an_actor_sees(
    roles: set[str], teams: set[str], team: str | None, *, seen: bool
) -> None:
    actor = Actor(id="x", roles=frozenset(roles), teams=frozenset(teams))
    assert actor.sees(team) is seen
