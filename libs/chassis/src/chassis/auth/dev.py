"""The development issuer: a key on the developer's own disk, and tokens signed with it.

Invariant: production never trusts it. Services refuse its name there, and it
refuses to mint when ENVIRONMENT is production.
"""

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import ECKey

from chassis.auth.roles import ROLES
from chassis.settings import DEVELOPMENT_ISSUER, EnvironmentSettings

KEY_FILE: Final = "key.json"
JWKS_FILE: Final = "jwks.json"
DEFAULT_LIFETIME: Final = timedelta(hours=12)


class DevelopmentIssuerInProduction(Exception):
    """Somebody asked for a development token where ENVIRONMENT is production."""


class RoleUnknown(Exception):
    """The role is not one of ours."""


class DevelopmentIssuer:
    """Signs tokens with the key pair in `folder` (key.json, jwks.json)."""

    def __init__(self, folder: Path, key: ECKey) -> None:
        self.folder = folder
        self._key = key

    @classmethod
    def open(cls, folder: Path) -> "DevelopmentIssuer":
        """The issuer in `folder`; its key pair is made when there is none.

        Raises DevelopmentIssuerInProduction, OSError.
        """
        _refuse_production()
        folder.mkdir(parents=True, exist_ok=True)
        private = folder / KEY_FILE
        if private.exists():
            key = ECKey.import_key(json.loads(private.read_text()))
        else:
            key = ECKey.generate_key("P-256", auto_kid=True)
            _write_private(private, key.as_dict(private=True))
        jwks = folder / JWKS_FILE
        public = {**key.as_dict(private=False), "use": "sig", "alg": "ES256"}
        document = json.dumps({"keys": [public]})
        if not jwks.exists() or jwks.read_text() != document:
            jwks.write_text(document)
        return cls(folder, key)

    @property
    def jwks_url(self) -> str:
        """What AUTH_JWKS must be."""
        return (self.folder / JWKS_FILE).resolve().as_uri()

    def token(
        self,
        *,
        roles: Iterable[str],
        subject: str = "developer",
        teams: Iterable[str] = (),
        sources: Iterable[str] = (),
        audience: str = "tandem",
        lifetime: timedelta = DEFAULT_LIFETIME,
    ) -> str:
        """A signed token. Raises RoleUnknown."""
        named = list(roles)
        for role in named:
            if role not in ROLES:
                raise RoleUnknown(f"there is no role {role}; there are {', '.join(sorted(ROLES))}")
        now = datetime.now(UTC)
        claims = {
            "iss": DEVELOPMENT_ISSUER,
            "aud": audience,
            "sub": subject,
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            "roles": named,
            "teams": list(teams),
            "sources": list(sources),
        }
        return jwt.encode({"alg": "ES256", "kid": self._key.kid}, claims, self._key)


def _refuse_production() -> None:
    # Without a word about it a developer's shell counts as development here; a
    # service without a word counts as production.
    if EnvironmentSettings().environment == "production":
        raise DevelopmentIssuerInProduction(
            "ENVIRONMENT is production: tokens come from the real issuer there;"
            " unset ENVIRONMENT on a developer's machine"
        )


def _write_private(path: Path, key: dict[str, Any]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(key, file)
