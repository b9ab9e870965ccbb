"""What a partner's key looks like: `tandem_live_<id>_<secret><checksum>`.

The prefix lets scanners of repositories find a key that got out, the id names it in
lists and logs, the checksum tells a key that was not copied whole from a wrong one.
Invariant: the secret is never stored, logged or shown a second time.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import zlib
from typing import Final, Literal

PREFIX: Final = "tandem_"
Kind = Literal["live", "test"]
"""Keys of production are `live`; those of a developer's machine open nothing there."""

_ID_SYMBOLS: Final = string.ascii_lowercase + string.digits
_ID_LENGTH: Final = 12
_SECRET_SYMBOLS: Final = string.ascii_letters + string.digits
_SECRET_LENGTH: Final = 43
"""43 symbols of 62 are 256 bits: what is guessed at that is not slowed by a slow hash."""
_KEY: Final = re.compile(
    rf"{PREFIX}(?:live|test)_(?P<id>[a-z0-9]{{{_ID_LENGTH}}})_"
    rf"[A-Za-z0-9]{{{_SECRET_LENGTH}}}(?P<checksum>[0-9a-f]{{8}})",
    re.ASCII,
)


def new_id() -> str:
    """A public id."""
    return _random(_ID_SYMBOLS, _ID_LENGTH)


def new_key(key_id: str, *, kind: Kind) -> str:
    """A key, to be shown once."""
    body = f"{PREFIX}{kind}_{key_id}_{_random(_SECRET_SYMBOLS, _SECRET_LENGTH)}"
    return body + _checksum(body)


def id_of(key: str) -> str | None:
    """The public id in a key; None when it is not whole."""
    found = _KEY.fullmatch(key)
    if found is None or _checksum(key[: found.start("checksum")]) != found["checksum"]:
        return None
    return found["id"]


def hash_of(key: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).digest()


def _random(symbols: str, length: int) -> str:
    return "".join(secrets.choice(symbols) for _ in range(length))


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"
