import os
import subprocess
import sys
import time

import pytest
from bench.processor_time import Parties, Reading, own_seconds, tree_seconds

BURN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"

PARENT = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {BURN!r}])
print("done", flush=True)
input()
"""


def test_time_between_readings_is_told_for_each_party_and_event() -> None:
    spent = Reading(12.0, {"client": 3.0, "broker": 1.5}) - Reading(
        10.0, {"client": 1.0, "broker": 1.0}
    )
    assert spent.wall_seconds == 2
    assert spent.microseconds("client", events=1_000_000) == pytest.approx(2)
    assert spent.microseconds("client", "broker", events=1_000_000) == pytest.approx(2.5)
    assert spent.told(1_000_000) == "CPU µs an event: client 2.0, broker 0.5"


def test_the_time_of_one_process_is_told_finer_than_ticks() -> None:
    worked = time.process_time() + 0.002
    begun = own_seconds(os.getpid())
    while time.process_time() < worked:
        pass
    assert 0 < own_seconds(os.getpid()) - begun < time.process_time()


def test_a_child_that_has_ended_still_counts_for_its_tree() -> None:
    """PostgreSQL's backends come and go while they are measured."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert parent.stdout is not None
        before = Parties.of(parent=parent.pid).read()
        parent.stdout.readline()
        assert tree_seconds(parent.pid) >= 0.3
        assert (Parties.of(parent=parent.pid).read() - before).seconds["parent"] > 0.2
    finally:
        parent.communicate(b"\n")
