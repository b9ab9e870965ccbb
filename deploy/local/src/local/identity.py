"""The development issuer: signs tokens for one machine with a key under var/identity.

Every service refuses this issuer when ENVIRONMENT=production.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from joserfc import jwt
from joserfc.jwk import ECKey

from local.state import write_private

ISSUER = "https://issuer.tandem.invalid/development"
AUDIENCE = "tandem"
DEFAULT_TTL_SECONDS = 8 * 3600


class Role(StrEnum):
    """The roles that services know; tests/architecture compares them with those of the chassis."""

    ADMIN = "admin"
    BOSS = "boss"
    SALES_LEAD = "sales_lead"
    SALES_REP = "sales_rep"
    OPS_LEAD = "ops_lead"
    OPS_MEMBER = "ops_member"
    IMPORTER = "importer"
    PARTNER = "partner"
    SRE = "sre"


@dataclass(frozen=True)
class Issuer:
    """An issuer whose keys live in one folder."""

    folder: Path

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The issuer of this folder; its key is made when there is none."""
        issuer = cls(folder)
        issuer.ensure_key()
        return issuer

    @property
    def jwks(self) -> Path:
        """The public keys, which services read."""
        return self.folder / "jwks.json"

    @property
    def jwks_url(self) -> str:
        """What AUTH_JWKS must be."""
        return self.jwks.resolve().as_uri()

    @property
    def _key_file(self) -> Path:
        return self.folder / "key.json"

    def exists(self) -> bool:
        """Whether a key was ever made here."""
        return self._key_file.exists()

    def ensure_key(self) -> None:
        if not self.exists():
            key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
            write_private(self._key_file, json.dumps(key.as_dict(private=True)))
        public = self._key().as_dict(private=False)
        write_private(self.jwks, json.dumps({"keys": [public]}))
        self.jwks.chmod(0o644)  # containers read it as another user

    def _key(self) -> ECKey:
        return ECKey.import_key(json.loads(self._key_file.read_text(encoding="utf-8")))

    def token(
        self,
        roles: Sequence[str],
        *,
        subject: str | None = None,
        teams: Sequence[str] = (),
        sources: Sequence[str] = (),
        ttl_seconds: int = DEFAULT_TTL_SECONDS,
    ) -> str:
        """A signed token. Times are in whole seconds, as other issuers give them."""
        now = int(time.time())
        key = self._key()
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject or f"dev-{'-'.join(roles)}",
            "iat": now,
            "exp": now + ttl_seconds,
            "roles": list(roles),
            "teams": list(teams),
            "sources": list(sources),
        }
        return jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": key.kid}, claims, key)
