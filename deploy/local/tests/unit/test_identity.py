import json
import stat
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import KeySet

from local.identity import AUDIENCE, ISSUER, Issuer


def test_a_token_is_verified_by_the_published_keys(tmp_path: Path) -> None:
    issuer = Issuer(tmp_path)
    issuer.ensure_key()
    token = issuer.token(["sales_lead"], teams=["NA"], ttl_seconds=60)

    keys = KeySet.import_key_set(json.loads(issuer.jwks.read_text()))
    claims = jwt.decode(token, keys, algorithms=["ES256"]).claims

    assert (claims["iss"], claims["aud"]) == (ISSUER, AUDIENCE)
    assert (claims["roles"], claims["teams"]) == (["sales_lead"], ["NA"])
    assert claims["exp"] - claims["iat"] == 60


def test_the_private_key_is_private_and_stays(tmp_path: Path) -> None:
    issuer = Issuer(tmp_path)
    issuer.ensure_key()
    public = issuer.jwks.read_text()
    issuer.ensure_key()

    assert issuer.jwks.read_text() == public
    assert '"d"' not in public
    assert stat.S_IMODE((tmp_path / "key.json").stat().st_mode) == 0o600
