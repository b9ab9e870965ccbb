"""One whole stack for all end-to-end tests, on free ports, and clients of its front door."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from e2e.demo import settled, tandem
from local.settings import inherited_environment
from local.stack import Stack

As = Callable[..., httpx.Client]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack") / "var") as running:
        yield running


@pytest.fixture(scope="session")
def demo_company(stack: Stack) -> None:
    """Thirty months of a small company, wholly counted."""
    tandem(stack, "demo", "--until", "2026-11-22")
    settled(stack)


@pytest.fixture
def as_role(stack: Stack) -> Iterator[As]:
    """`as_role("boss")` is a client of the gateway with a token of that role."""
    clients: list[httpx.Client] = []

    def make(
        *roles: str, teams: tuple[str, ...] = ("*",), sources: tuple[str, ...] = ()
    ) -> httpx.Client:
        token = stack.token(*roles, teams=teams, sources=sources)
        client = httpx.Client(
            base_url=stack.url, headers={"authorization": f"Bearer {token}"}, timeout=30
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def crm_sales() -> Path:
    """The opportunities files, which are not ours to ship."""
    named = inherited_environment().get("CRM_SALES")
    folder = Path(named) if named else Path(__file__).parents[3] / "shared" / "data" / "crm_sales"
    if not folder.is_dir():
        pytest.skip(f"no opportunities file at {folder}; say where it is with CRM_SALES")
    return folder
