"""What a command needs to know of the local stack: its gateway, a token, its demo."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from local.identity import Issuer
from local.ports import DEFAULTS
from local.settings import Settings
from local.state import Running, Var, write_private

DEMO_SOURCES = ("/partners/webshop", "/partners/surveys", "/partners/statistics")


def local_url() -> str:
    """Address of the local stack's gateway, running or not."""
    running = Running.load(Var(Settings().var).running)
    port = (running.ports if running else DEFAULTS)["gateway"]
    return f"http://127.0.0.1:{port}"


def local_token(roles: Sequence[str], sources: Sequence[str] = ()) -> str | None:
    """A short-lived token of roles for all teams; None where no local stack was ever started."""
    issuer = Issuer(Var(Settings().var).identity)
    if not issuer.exists():
        return None
    return issuer.token(roles, teams=["*"], sources=[*DEMO_SOURCES, *sources], ttl_seconds=3600)


def demo_until(today: date) -> date:
    """Last day of the demo's history: fixed at its first run, so that a later one adds nothing."""
    kept = Var(Settings().var).root / "demo-until"
    if not kept.exists():
        write_private(kept, (today - timedelta(days=1)).isoformat())
    return date.fromisoformat(kept.read_text(encoding="ascii"))
