"""Guards of the outbox and of the relay that empties it."""

from typing import Final

from mutants.guards.mutant import EVENTS, TESTS, TRAPS, Mutant

_RELAY: Final = f"{TESTS}/integration/test_outbox_and_relay.py"

RELAY: Final = (
    Mutant(
        guard="an event is promised in its transaction, also when it is the first statement there",
        file=f"{EVENTS}/sqlalchemy.py",
        text="    if not driver.is_in_transaction():",
        replacement="    if False:",
        test=f"{_RELAY}::test_events_of_a_session_are_promised_with_its_commit_and_not_before",
    ),
    Mutant(
        guard="in a savepoint an event does not travel: what is undone would be promised by nobody",
        file="libs/chassis/src/chassis/work.py",
        text="if self._events and not self.session.in_nested_transaction():",
        replacement="if self._events:",
        test="libs/chassis/tests/integration/test_work.py"
        "::test_a_savepoint_takes_back_rows_and_not_the_events_that_are_recorded",
    ),
    Mutant(
        guard="a row is deleted only after the log has acknowledged its event",
        file=f"{EVENTS}/relay/mover.py",
        text="        sent = self._tasks.create_task(",
        replacement="        await self._connection.execute(\n"
        "            _DELETE, runs_of([row[0] for row in rows])\n"
        "        )\n"
        "        sent = self._tasks.create_task(",
        test=f"{_RELAY}::test_an_error_of_the_log_ends_the_relay_and_keeps_the_events[postgres]",
    ),
    Mutant(
        guard="a batch of the inbox is published whole or not at all",
        file=f"{EVENTS}/relay/stretches.py",
        text='if len(records[row["id"]]) != events[row["id"]]:',
        replacement="if not records:",
        test=f"{TESTS}/integration/test_inbox_to_log.py"
        "::test_a_promise_whose_events_are_gone_ends_the_relay_and_is_kept[postgres]",
    ),
    Mutant(
        guard="an id that lacks in a page may commit later: it is not among the page's",
        file=f"{EVENTS}/relay/runs.py",
        text="if ids[place] != ids[place - 1] + 1]",
        replacement="if ids[place] > ids[place - 1] + 9]",
        test=f"{TESTS}/unit/test_runs.py::test_runs_hold_exactly_the_ids_that_were_read",
    ),
    Mutant(
        guard="a shard has one owner, by its lock",
        file=f"{EVENTS}/relay/shards.py",
        text="if wanted and await self._connection.fetchval(_TAKE, _SPACE, shard):",
        replacement="if wanted:",
        test=f"{_RELAY}::test_two_relays_share_an_outbox_without_doubles[postgres]",
    ),
    Mutant(
        guard="pages that overlap keep their order",
        file=f"{EVENTS}/log/kafka/producer.py",
        text="                async with self._turn:",
        replacement="                if True:",
        test=f"{TRAPS}/test_producer.py"
        "::test_our_producer_keeps_the_order_of_each_key_over_many_full_batches",
    ),
    Mutant(
        guard="what is published is acknowledged by all replicas",
        file=f"{EVENTS}/log/kafka/producer.py",
        text='            enable_idempotence=True,\n            acks="all",',
        replacement="            acks=0,",
        test=f"{TRAPS}/test_producer.py"
        "::test_our_producer_raises_its_own_error_for_what_the_broker_refuses",
    ),
    Mutant(
        guard="large events that compress well are read in pages of bounded size",
        file=f"{EVENTS}/relay/mover.py",
        text="_UNPACKED: Final = 16",
        replacement="_UNPACKED: Final = 1",
        test=f"{TESTS}/integration/test_relay_pages.py"
        "::test_large_events_that_compress_well_do_so_too",
    ),
    Mutant(
        guard="an outbox that is not migrated yet is looked for ever less often",
        file=f"{EVENTS}/relay/relay.py",
        text="pause = min(pause * 2, _RECONNECT_SECONDS[1])",
        replacement="pause = _RECONNECT_SECONDS[0]",
        test=f"{TESTS}/integration/test_relay_and_database.py"
        "::test_an_outbox_that_is_not_there_yet_is_looked_for_ever_less_often[postgres]",
    ),
)
