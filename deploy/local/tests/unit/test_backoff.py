import signal
from pathlib import Path

import pytest

from local.child import Child, Program
from local.services import Unit
from local.supervisor import LONGEST_DELAY_SECONDS, STABLE_SECONDS, Supervised, cause


@pytest.fixture
def supervised(tmp_path: Path) -> Supervised:
    program = Program(name="x", command=["true"], environment={}, log=tmp_path / "x.log")
    return Supervised(Unit(program, lambda: True), Child(program), started_at=0.0)


def test_the_delay_doubles_with_each_early_death_up_to_a_limit(supervised: Supervised) -> None:
    delays = []
    for second in range(12):
        supervised.note_death(now=float(second))
        supervised.started_at = float(second)
        delays.append(supervised.delay_seconds())

    assert delays[:4] == [0.25, 0.5, 1.0, 2.0]
    assert delays[-1] == LONGEST_DELAY_SECONDS


def test_a_long_life_is_forgiven(supervised: Supervised) -> None:
    for _ in range(5):
        supervised.note_death(now=1.0)
    supervised.note_death(now=STABLE_SECONDS + 1)

    assert supervised.delay_seconds() == 0.25


def test_the_cause_of_a_death_is_in_words() -> None:
    assert cause(-signal.SIGKILL) == "killed by SIGKILL"
    assert cause(3) == "exit code 3"
