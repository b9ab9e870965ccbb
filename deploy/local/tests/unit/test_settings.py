import pytest

from local.errors import CannotStart
from local.settings import Settings


def test_an_unknown_time_zone_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPANY_TIME_ZONE", "Asia/Atlantis")

    with pytest.raises(
        CannotStart, match="COMPANY_TIME_ZONE=Asia/Atlantis cannot be used; not an IANA"
    ):
        Settings.load()


def test_an_unknown_log_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG", "rabbit")

    with pytest.raises(CannotStart, match=r"LOG=rabbit cannot be used; .*'kafka' or 'postgres'"):
        Settings.load()


def test_the_command_line_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG", "kafka")

    assert Settings.load(log="postgres").log == "postgres"
    assert Settings.load(log=None).log == "kafka"
