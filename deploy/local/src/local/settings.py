"""What the user can choose about a local stack, all through the environment; the only module that reads it."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

LogKind = Literal["kafka", "postgres"]


class Settings(BaseSettings):
    """Choices of a local stack. Ports have their own class in `local.ports`."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    var: Path = Path("var")
    log: LogKind | None = None
    company_time_zone: str = "Asia/Shanghai"
    base_currency: str = Field(default="USD", pattern="^[A-Z]{3}$")
    log_level: str = "INFO"
    xdg_cache_home: Path | None = None


def inherited_environment() -> dict[str, str]:
    """The launcher's own environment, for children that are not ours (JVM, PostgreSQL, Maven)."""
    return dict(os.environ)
