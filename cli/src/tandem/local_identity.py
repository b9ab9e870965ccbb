"""Where the local stack's gateway is, and a token from its development issuer."""

from __future__ import annotations

from local.identity import Issuer
from local.ports import DEFAULTS
from local.settings import Settings
from local.state import Running, Var

DEMO_SOURCES = ("/partners/webshop", "/partners/surveys")


def local_url() -> str:
    """Address of the local stack's gateway, running or not."""
    running = Running.load(Var(Settings().var).running)
    port = (running.ports if running else DEFAULTS)["gateway"]
    return f"http://127.0.0.1:{port}"


def local_token(role: str) -> str | None:
    """A short-lived token of a role for all teams; None where no local stack was ever started."""
    issuer = Issuer(Var(Settings().var).identity)
    if not issuer.exists():
        return None
    return issuer.token([role], teams=["*"], sources=DEMO_SOURCES, ttl_seconds=3600)
