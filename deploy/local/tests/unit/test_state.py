import stat
from pathlib import Path

import pytest

from local.errors import CannotStart
from local.state import ProcessState, Running, Var


def test_a_secret_is_made_once_and_is_private(tmp_path: Path) -> None:
    var = Var(tmp_path)
    secret = var.secret("cursor")

    assert len(secret) >= 32
    assert var.secret("cursor") == secret
    assert var.secret("postgres") != secret
    assert stat.S_IMODE((tmp_path / "secrets" / "cursor").stat().st_mode) == 0o600


def test_what_runs_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    running = Running(ProcessState(1, 2.5), log="kafka", ports={"gateway": 8080}, phase="ready")
    running.processes["metrics"] = ProcessState(7, 3.5, "ready", restarts=2)
    running.save(tmp_path / "run" / "stack.json")

    assert Running.load(tmp_path / "run" / "stack.json") == running


def test_a_spoilt_log_choice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log-choice").write_text("rabbit")

    with pytest.raises(CannotStart, match="says 'rabbit'; write kafka or postgres into it"):
        _ = Var(tmp_path).log_choice
