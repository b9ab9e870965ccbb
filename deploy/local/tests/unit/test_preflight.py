import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from local import preflight
from local.errors import CannotStart
from local.state import ProcessState, Running, Var


@pytest.fixture
def var(tmp_path: Path) -> Var:
    return Var(tmp_path / "var")


def test_an_old_python_is_refused() -> None:
    with pytest.raises(
        CannotStart, match=r"this is Python 3.10, Tandem needs 3.11 or newer; install"
    ):
        preflight.check_python((3, 10))


def test_a_var_that_is_a_file_is_refused_in_words(var: Var) -> None:
    var.root.touch()

    with pytest.raises(CannotStart, match=r"var cannot be written: File exists; .*VAR="):
        preflight.check_var(var)


def test_a_full_disk_is_refused(var: Var, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "FREE_MIB_NEEDED", 10**9)

    with pytest.raises(CannotStart, match=r"has only \d+ MiB left; make room"):
        preflight.check_var(var)


def test_the_first_start_takes_kafka_where_it_can_run(var: Var) -> None:
    decision = preflight.decide_log(var, forced=None, obstacle=None)

    assert decision == preflight.LogDecision("kafka")


def test_the_first_start_without_java_takes_postgres_and_says_why(var: Var) -> None:
    decision = preflight.decide_log(var, forced=None, obstacle="`java` is not on the PATH")

    assert decision.kind == "postgres"
    assert decision.remark is not None
    assert "`java` is not on the PATH" in decision.remark
    assert "\n" not in decision.remark


def test_a_forced_kafka_that_cannot_run_is_refused(var: Var) -> None:
    with pytest.raises(
        CannotStart, match=r"Kafka cannot run: no java; mend that, or use LOG=postgres$"
    ):
        preflight.decide_log(var, forced="kafka", obstacle="no java")


def test_the_first_choice_stays_without_a_remark(var: Var) -> None:
    var.keep_log_choice("postgres")

    assert preflight.decide_log(var, forced=None, obstacle=None) == preflight.LogDecision(
        "postgres"
    )


def test_data_made_with_the_other_log_are_not_left_behind_silently(var: Var) -> None:
    var.keep_log_choice("postgres")

    with pytest.raises(CannotStart, match=r"were made with LOG=postgres, not kafka; .*VAR="):
        preflight.decide_log(var, forced="kafka", obstacle=None)


def test_processes_of_a_killed_launcher_are_ended(var: Var) -> None:
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    note(var, left.pid, psutil.Process(left.pid).create_time())

    assert preflight.end_leftovers(var) == ["metrics"]
    left.wait(5)
    assert not var.running.exists()


def test_a_stranger_that_got_the_pid_of_ours_is_left_alone(var: Var) -> None:
    note(var, os.getpid(), psutil.Process().create_time() - 1000)

    assert preflight.end_leftovers(var) == []


def test_an_illegible_note_is_no_obstacle(var: Var) -> None:
    var.running.parent.mkdir(parents=True)
    var.running.write_text('{"launcher": 3')

    assert preflight.end_leftovers(var) == []


def note(var: Var, pid: int, created: float) -> None:
    running = Running(ProcessState(1, 0.0), log="postgres", ports={})
    running.processes["metrics"] = ProcessState(pid, created)
    running.save(var.running)
