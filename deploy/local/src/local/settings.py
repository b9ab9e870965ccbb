"""What the user can choose about a local stack; the only module that reads the environment."""

import os
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from local.errors import CannotStart

# This package runs from a checkout, never from a wheel.
CHECKOUT = Path(__file__).parents[4]

LogKind = Literal["kafka", "postgres"]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("not an IANA time zone such as Asia/Shanghai")
    return name


class Settings(BaseSettings):
    """Choices of a local stack. The ports have a class of their own in `local.ports`."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    var: Path = CHECKOUT / "var"
    log: LogKind | None = None
    company_time_zone: Annotated[str, AfterValidator(_known_zone)] = "Asia/Shanghai"
    base_currency: str = Field(default="USD", pattern="^[A-Z]{3}$")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    xdg_cache_home: Path | None = None

    @classmethod
    def load(cls, **chosen: object) -> "Settings":
        """What was chosen on the command line, and for the rest the environment."""
        given = {name: value for name, value in chosen.items() if value is not None}
        try:
            return cls.model_validate({**cls().model_dump(), **given}) if given else cls()
        except ValidationError as error:
            fault = error.errors()[0]
            name = str(fault["loc"][0]).upper()
            raise CannotStart(
                f"{name}={fault['input']} cannot be used",
                mend=fault["msg"].removeprefix("Value error, "),
            ) from None


def inherited_environment() -> dict[str, str]:
    """The launcher's own environment, for its children."""
    return dict(os.environ)  # noqa: TID251 - this is settings.py
