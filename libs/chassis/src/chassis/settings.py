"""What a service is told from outside; the only module here that reads the environment.

Invariant: settings are complete and sane when they exist; a service with unusable
settings prints one line per variable and does not start.
"""

import re
from typing import Annotated, ClassVar, Final, Literal, Self, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

DEVELOPMENT_ISSUER: Final = "https://issuer.tandem.invalid/development"
_SHORTEST_SECRET: Final = 16
_QUOTED: Final = re.compile(r'field "(\w+)"')


def _refuse_other_database(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise ValueError("is not a PostgreSQL URL; write postgresql://user@host:port/database")
    return url


def _refuse_other_log(url: str) -> str:
    if urlsplit(url).scheme not in {"kafka", "postgresql", "postgres"}:
        raise ValueError(
            "is not an event log; write kafka://host:port or postgresql://user@host:port/eventlog"
        )
    return url


def _refuse_other_key_source(url: str) -> str:
    if urlsplit(url).scheme not in {"file", "https"}:
        raise ValueError("is not a key set; write file:///path/jwks.json or an https URL")
    return url


def _refuse_unknown_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            "is not an IANA time zone; write one such as Asia/Shanghai or Europe/Berlin"
        ) from None
    return name


def _refuse_short_secret(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < _SHORTEST_SECRET:
        raise ValueError(
            f"is shorter than {_SHORTEST_SECRET} characters; use `openssl rand -hex 32`"
        )
    return secret


def _refuse_other_service(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("is not an HTTP URL; write http://host:port")
    return url.rstrip("/")


DatabaseUrl = Annotated[str, AfterValidator(_refuse_other_database)]
LogUrl = Annotated[str, AfterValidator(_refuse_other_log)]
ServiceUrl = Annotated[str, AfterValidator(_refuse_other_service)]
Port = Annotated[int, Field(ge=0, le=65535)]


class ProcessSettings(BaseSettings):
    """What every process of ours is told, also those without an API."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    host: str = "127.0.0.1"
    telemetry_port: Port
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    environment: Literal["development", "production"] = "production"


class ServiceSettings(ProcessSettings):
    """What every service is told. A service subclasses it and sets `service`."""

    service: ClassVar[str]
    """The service's name: its package, its database, the source of its events."""

    database_url: DatabaseUrl
    event_log: LogUrl
    port: Port
    auth_issuer: Annotated[str, StringConstraints(min_length=1)]
    auth_audience: Annotated[str, StringConstraints(min_length=1)] = "tandem"
    auth_jwks: Annotated[str, AfterValidator(_refuse_other_key_source)]
    company_time_zone: Annotated[str, AfterValidator(_refuse_unknown_zone)] = "Asia/Shanghai"
    base_currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "USD"
    cursor_secret: Annotated[SecretStr, AfterValidator(_refuse_short_secret)]

    @model_validator(mode="after")
    def _refuse_development_issuer_in_production(self) -> Self:
        if self.environment == "production" and self.auth_issuer == DEVELOPMENT_ISSUER:
            raise ValueError(
                "AUTH_ISSUER is the development issuer, whose key lies on a developer's disk;"
                " name a real issuer, or set ENVIRONMENT=development on a developer's machine"
            )
        return self

    @property
    def time_zone(self) -> ZoneInfo:
        return ZoneInfo(self.company_time_zone)

    @property
    def event_source(self) -> str:
        """The CloudEvents source of what this service says."""
        return f"/tandem/{self.service}"


class SettingsUnusable(Exception):
    """The environment does not describe a service that could run; one line per fault."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


S = TypeVar("S", bound=BaseSettings)


def load_settings(settings_class: type[S]) -> S:
    """Read the environment. Raises SettingsUnusable."""
    try:
        return settings_class()
    except ValidationError as error:
        raise SettingsUnusable([_line(fault) for fault in error.errors()]) from None
    except SettingsError as error:
        # Lists and the like are read as JSON before they are validated.
        name = _QUOTED.search(str(error))
        unreadable = name[1].upper() if name else "a variable"
        raise SettingsUnusable(
            [f'settings: {unreadable} is not JSON; write a list as ["a", "b"]']
        ) from None


def _line(fault: object) -> str:
    assert isinstance(fault, dict)
    message = str(fault["msg"]).removeprefix("Value error, ")
    name = "_".join(str(part) for part in fault["loc"]).upper()
    if not name:
        return f"settings: {message}"
    if fault["type"] == "missing":
        return f"settings: {name} is not set; export {name} (docs: libs/chassis/README.md)"
    return f"settings: {name} {_lower_first(message)}"


def _lower_first(message: str) -> str:
    return message[:1].lower() + message[1:]


class RelaySettings(ProcessSettings):
    """What the relay is told."""

    telemetry_port: Port = 9105
    stall_seconds: Annotated[float, Field(gt=0)] = 60.0
    """The relay ends itself when it gets nothing done for so long. More than the 30 s that it
    gives the log to acknowledge, whose error says more.
    """
    event_log: LogUrl
    outbox_urls: str
    """DATABASE_URLs of all services that have an outbox, separated by commas."""

    @field_validator("outbox_urls")
    @classmethod
    def _refuse_other_databases(cls, urls: str) -> str:
        for url in _split(urls):
            _refuse_other_database(url)
        if not _split(urls):
            raise ValueError("names no database; list the services' DATABASE_URLs, with commas")
        return urls

    @property
    def outboxes(self) -> dict[str, str]:
        """Database name to URL; the name is what telemetry shows."""
        return {urlsplit(url).path.strip("/"): url for url in _split(self.outbox_urls)}


def _split(urls: str) -> list[str]:
    return [url.strip() for url in urls.split(",") if url.strip()]


class MigrationSettings(BaseSettings):
    """What a migration is told."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    database_url: DatabaseUrl


class TopicsSettings(BaseSettings):
    """What the command that applies the declared topics is told."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    event_log: LogUrl
