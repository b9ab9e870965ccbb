"""Guards of processes that stand still, and of peers that are gone or strange."""

from typing import Final

from mutants.guards.mutant import EVENTS, TESTS, TRAPS, Mutant

_FAULTS: Final = f"{TESTS}/integration/test_faults.py"
_VANISHED: Final = f"{TESTS}/integration/test_vanished.py"

WATCHDOGS: Final = (
    Mutant(
        guard="a relay that moves nothing while there is work ends",
        file=f"{EVENTS}/watchdog.py",
        text="if self._silent_ticks[part] >= self._limit:",
        replacement="if False:",
        test=f"{TESTS}/unit/test_watchdog.py::test_silence_is_told_once_with_the_name_of_the_part",
    ),
    Mutant(
        guard="a consumer that does nothing while there is work ends",
        file=f"{EVENTS}/consumer/watch.py",
        text="if idle > self._settings.stuck_seconds:",
        replacement="if False:",
        test=f"{_FAULTS}::test_a_handler_that_hangs_ends_the_process[postgres]",
    ),
    Mutant(
        guard="a client that does not stop is given up",
        file=f"{EVENTS}/log/kafka/closing.py",
        text="asyncio.wait({task}, timeout=seconds)",
        replacement="asyncio.wait({task})",
        test=f"{TESTS}/unit/test_closing.py::test_a_stop_that_hangs_is_given_up",
    ),
    Mutant(
        guard="a cancellation that meets an answer is not forgotten",
        file=f"{EVENTS}/log/kafka/log.py",
        text="                return await question",
        replacement="                return await asyncio.wait_for(question, _TIMEOUT_SECONDS)",
        test=f"{TESTS}/unit/test_closing.py"
        "::test_a_cancellation_that_meets_the_answer_is_not_forgotten",
    ),
    Mutant(
        guard="a client's own cancellation is not taken for ours",
        file=f"{EVENTS}/log/kafka/closing.py",
        text="return task is not None and task.cancelling() > 0",
        replacement="return True",
        test=f"{TRAPS}/test_watchdog.py"
        "::test_our_consumer_goes_on_with_a_new_reader_after_a_cancelled_poll",
    ),
)

GONE_OR_STRANGE: Final = (
    Mutant(
        guard="a connection to Kafka that nobody answers is not kept",
        file=f"{EVENTS}/log/kafka/log.py",
        text="            await self._dismiss(inspector)\n            raise",
        replacement="            raise",
        test=f"{_VANISHED}::test_a_connection_to_kafka_that_nobody_answers_is_replaced[kafka]",
    ),
    Mutant(
        guard="a log on PostgreSQL that is gone without a word is given up",
        file=f"{EVENTS}/log/postgres/database.py",
        text="command_timeout=_ANSWER_SECONDS",
        replacement="command_timeout=None",
        test=f"{_VANISHED}"
        "::test_a_consumer_whose_log_vanished_goes_on_with_new_connections[postgres]",
    ),
    Mutant(
        guard="a record with a header whose name is not UTF-8 is read as others are",
        file=f"{EVENTS}/log/kafka/unpacking.py",
        text="    fetcher.PartitionRecords = _Records\n",
        replacement="",
        test=f"{TRAPS}/test_header_names.py::test_our_reader_gives_each_record_once_also_around_it",
    ),
    Mutant(
        guard="nobody waits for ever for a connection of a pool",
        file="libs/chassis/src/chassis/db.py",
        text="timeout=CONNECT_SECONDS if timeout is None else timeout",
        replacement="timeout=timeout",
        test="libs/chassis/tests/integration/test_busy_pool.py"
        "::test_requests_are_refused_after_a_while_and_tasks_try_again",
    ),
)
