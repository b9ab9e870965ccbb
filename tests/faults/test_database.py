"""PostgreSQL goes away under everything: whole transactions or none."""

import pytest

from faults.harness.run import Run

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200)]


def test_a_restarted_and_a_killed_postgresql_lose_nothing(run: Run) -> None:
    with run.load():
        run.nemesis.restart_postgres()
        run.recover()
        run.nemesis.kill("postgres")
    run.check()


def test_backends_terminated_in_mid_transaction_undo_it_whole(run: Run) -> None:
    with run.load():
        for process, point in (
            ("pipeline", "command: before commit"),
            ("metrics", "consumer: positions moved"),
            ("metrics", "consumer: before commit"),
        ):
            run.nemesis.stop_at(process, point)
            assert run.nemesis.terminate_backends(process) > 0
            run.nemesis.resume(process)
            run.driver.wait_acknowledged(10)
    run.check()
    assert run.result.unknown > run.result.unknown_done
