"""What the house rules are checked against: the repository's own files and the five apps."""

import importlib
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

ROOT = Path(__file__).parents[2]
SERVICES = ("customer", "pipeline", "ops", "metrics", "gateway")
SOURCES = (
    *(ROOT / "libs" / name / "src" for name in ("events", "chassis")),
    *(ROOT / "services" / name / "src" for name in SERVICES),
    ROOT / "cli" / "src",
    ROOT / "deploy" / "local" / "src",
)
SETTINGS: dict[str, Any] = {
    "database_url": "postgresql://nobody@127.0.0.1:1/nothing",
    "event_log": "kafka://127.0.0.1:1",
    "environment": "development",
    "auth_issuer": "https://issuer.example.com",
    "auth_jwks": "file:///nowhere/jwks.json",
    "cursor_secret": "a secret for tests only",
}


@pytest.fixture(scope="session")
def source_files() -> list[Path]:
    """All our modules, without tests and migrations."""
    files = [
        path
        for source in SOURCES
        for path in sorted(source.rglob("*.py"))
        if "migrations" not in path.parts
    ]
    assert len(files) > 50, "the sources have moved; correct SOURCES"
    return files


@pytest.fixture(scope="session")
def apps() -> dict[str, FastAPI]:
    """Each service's application, connected to nothing."""
    return {name: _app_of(name) for name in SERVICES}


def _app_of(service: str) -> FastAPI:
    settings_class = importlib.import_module(f"{service}.settings").Settings
    app = importlib.import_module(f"{service}.app").create_app(settings_class(**SETTINGS))
    assert isinstance(app, FastAPI)
    return app
