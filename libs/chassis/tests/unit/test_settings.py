"""Settings are complete and sane, or each fault is one line that says the mend."""

import pytest
from sample.settings import Settings

from chassis.settings import (
    DEVELOPMENT_ISSUER,
    RelaySettings,
    SettingsUnusable,
    load_settings,
)

GOOD = {
    "DATABASE_URL": "postgresql://me@localhost:5432/sample",
    "EVENT_LOG": "kafka://localhost:9092",
    "AUTH_ISSUER": "https://id.example.com",
    "AUTH_JWKS": "https://id.example.com/jwks.json",
    "CURSOR_SECRET": "0123456789abcdef",
    "PORT": "8000",
    "TELEMETRY_PORT": "9000",
}
NAMES = (*GOOD, "ENVIRONMENT", "COMPANY_TIME_ZONE", "BASE_CURRENCY", "LOG_LEVEL", "HOST")


def load(monkeypatch: pytest.MonkeyPatch, **changed: str | None) -> Settings:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in {**GOOD, **changed}.items():
        if value is not None:
            monkeypatch.setenv(name, value)
    return load_settings(Settings)


def test_good_settings_load(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch)
    assert settings.event_source == "/tandem/sample"
    assert settings.environment == "production"
    assert str(settings.time_zone) == "Asia/Shanghai"
    assert "0123456789abcdef" not in repr(settings)


def test_a_socket_folder_is_a_database_too(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://me@/sample?host=/run/postgresql"
    assert load(monkeypatch, DATABASE_URL=url).database_url == url


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"DATABASE_URL": None}, "DATABASE_URL is not set"),
        ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
        ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL is not a PostgreSQL URL"),
        ({"DATABASE_URL": "postgresql://localhost"}, "DATABASE_URL is not a PostgreSQL URL"),
        ({"EVENT_LOG": "redis://x"}, "EVENT_LOG is not an event log"),
        ({"AUTH_JWKS": "http://id.example.com/jwks"}, "AUTH_JWKS is not a key set"),
        ({"COMPANY_TIME_ZONE": "Mars/Olympus"}, "COMPANY_TIME_ZONE is not an IANA time zone"),
        ({"COMPANY_TIME_ZONE": "../../etc/passwd"}, "COMPANY_TIME_ZONE is not an IANA time zone"),
        ({"CURSOR_SECRET": "short"}, "CURSOR_SECRET is shorter than 16 characters"),
        ({"COLOURS": "red,green"}, "COLOURS is not JSON"),
        ({"PORT": "http"}, "PORT "),
        ({"PORT": "70000"}, "PORT "),
        ({"BASE_CURRENCY": "dollar"}, "BASE_CURRENCY "),
        ({"ENVIRONMENT": "staging"}, "ENVIRONMENT "),
        ({"AUTH_ISSUER": DEVELOPMENT_ISSUER}, "AUTH_ISSUER is the development issuer"),
    ],
)
def test_a_fault_is_one_line_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, str | None], line: str
) -> None:
    with pytest.raises(SettingsUnusable) as unusable:
        load(monkeypatch, **changed)
    [said] = unusable.value.lines
    assert line in said
    assert "\n" not in said
    assert "short" not in said.replace("shorter", "")


def test_all_faults_are_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsUnusable) as unusable:
        load(monkeypatch, DATABASE_URL=None, EVENT_LOG=None, PORT="x")
    assert len(unusable.value.lines) == 3


def test_the_development_issuer_is_taken_in_development(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, AUTH_ISSUER=DEVELOPMENT_ISSUER, ENVIRONMENT="development")
    assert settings.auth_issuer == DEVELOPMENT_ISSUER


def test_the_relay_names_its_outboxes_by_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_LOG", "kafka://x:1")
    monkeypatch.setenv("OUTBOX_URLS", "postgresql://a@b/ops, postgresql://a@b/customer,")
    outboxes = load_settings(RelaySettings).outboxes
    assert outboxes == {"ops": "postgresql://a@b/ops", "customer": "postgresql://a@b/customer"}
    for wrong in (" , ", "postgresql://a@b/ops,http://x"):
        monkeypatch.setenv("OUTBOX_URLS", wrong)
        with pytest.raises(SettingsUnusable, match="OUTBOX_URLS"):
            load_settings(RelaySettings)
