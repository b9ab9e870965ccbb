"""The guards of the event path, each as the text that makes it one and as the product without it.

`test` must fail when the guard is taken out: a guard that no test misses is not proven.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """`text` stands exactly once in `file`, and is replaced."""

    guard: str
    file: str
    text: str
    replacement: str
    test: str


_EVENTS: Final = "libs/events/src/events"
_TESTS: Final = "libs/events/tests"
_CONSUMER: Final = f"{_TESTS}/integration/test_consumer.py"
_POISON: Final = f"{_TESTS}/integration/test_poison.py"
_FAULTS: Final = f"{_TESTS}/integration/test_faults.py"
_FOLDING: Final = f"{_TESTS}/integration/test_folding.py"
_CHANGED: Final = f"{_TESTS}/integration/test_changed_logs.py"
_VANISHED: Final = f"{_TESTS}/integration/test_vanished.py"
_RELAY: Final = f"{_TESTS}/integration/test_outbox_and_relay.py"
_TRAPS: Final = f"{_TESTS}/traps"

POSITIONS: Final = (
    Mutant(
        guard="a batch moves its positions only from where it began, in the epoch of its claim",
        file=f"{_EVENTS}/consumer/positions.py",
        text="\n  AND p.epoch = w.epoch AND p.next_offset = w.start",
        replacement="",
        test=f"{_CONSUMER}::test_a_zombie_commits_nothing[postgres]",
    ),
    Mutant(
        guard="the position is part of that: one that somebody else has moved is refused",
        file=f"{_EVENTS}/consumer/positions.py",
        text=" AND p.next_offset = w.start",
        replacement="",
        test=f"{_CHANGED}"
        "::test_a_position_that_was_set_from_outside_is_taken_up_and_not_run_over[postgres]",
    ),
    Mutant(
        guard="the epoch is part of that: a former owner at the same position is refused",
        file=f"{_EVENTS}/consumer/positions.py",
        text="p.epoch = w.epoch AND p.next_offset = w.start",
        replacement="p.next_offset = w.start",
        test=f"{_CONSUMER}::test_a_zombie_commits_nothing[postgres]",
    ),
    Mutant(
        guard="who claims a partition raises its epoch",
        file=f"{_EVENTS}/consumer/claims.py",
        text="SET epoch = p.epoch + 1,",
        replacement="SET epoch = p.epoch,",
        test=f"{_CONSUMER}::test_a_zombie_commits_nothing[postgres]",
    ),
    Mutant(
        guard="a partition that was taken over is given up also where nothing comes",
        file=f"{_EVENTS}/consumer/consumer.py",
        text="await require_ours(connection, self._watch.claims, consumer=self._name)",
        replacement="pass",
        test=f"{_CONSUMER}"
        "::test_a_quiet_partition_that_was_taken_over_by_mistake_comes_back[postgres]",
    ),
    Mutant(
        guard="nothing is read before its position is claimed (the pause in a rebalance listener)",
        file=f"{_EVENTS}/consumer/consumer.py",
        text="        if new:\n",
        replacement="        if new:\n            reader.assign(dict.fromkeys(new, 0))\n"
        "            await reader.poll(max_records=1, timeout_seconds=0.1)\n",
        test=f"{_TRAPS}/test_assignment.py"
        "::test_our_consumer_reads_nothing_before_its_positions_are_claimed",
    ),
    Mutant(
        guard="the record last read is still the one on the log",
        file=f"{_EVENTS}/consumer/claims.py",
        text="digest_of(records[0]) != checked.digest",
        replacement="False",
        test=f"{_CHANGED}::test_a_topic_that_was_made_again_stops_the_consumer[postgres-longer]",
    ),
    Mutant(
        guard="a position outside the log stops the reader",
        file=f"{_EVENTS}/log/kafka/reader.py",
        text='auto_offset_reset="none"',
        replacement='auto_offset_reset="latest"',
        test=f"{_TRAPS}/test_offsets.py::test_our_reader_stops_where_records_were_cut_under_it",
    ),
    Mutant(
        guard="a topic that is recreated under a consumer is not taken for the old one",
        file=f"{_EVENTS}/consumer/watch.py",
        text="if self._identities.setdefault(topic, identity) != identity:",
        replacement="if False:",
        test=f"{_CHANGED}"
        "::test_a_topic_made_again_under_a_running_consumer_stops_it_for_good[postgres-longer]",
    ),
    Mutant(
        guard="the watermark is never ahead of the log",
        file=f"{_EVENTS}/consumer/claims.py",
        text="at = min(at, stretch.newest)",
        replacement="at = stretch.newest",
        test=f"{_TESTS}/integration/test_clocks.py"
        "::test_the_watermark_does_not_run_ahead_of_the_log[postgres-1]",
    ),
)

SEQUENCES: Final = (
    Mutant(
        guard="a sequence that was applied is dropped (heads)",
        file=f"{_EVENTS}/consumer/plan.py",
        text="if sequence <= head.sequence or sequence in head.waiting:",
        replacement="if sequence in head.waiting:",
        test=f"{_CONSUMER}::test_copies_and_late_copies_change_nothing[postgres]",
    ),
    Mutant(
        guard="heads that are moved unread stand where the batch expects them",
        file=f"{_EVENTS}/consumer/heads.py",
        text="\n  AND h.sequence = w.before AND h.parked = 0",
        replacement="",
        test=f"{_CONSUMER}::test_a_batch_that_only_looks_like_the_next_is_not_applied"
        "[postgres-late copies]",
    ),
    Mutant(
        guard="a sequence before which others are missing waits",
        file=f"{_EVENTS}/consumer/plan.py",
        text="if sequence == head.sequence + 1 and entry.error is None:",
        replacement="if entry.error is None:",
        test=f"{_CONSUMER}::test_a_gap_waits_for_the_missing_event_and_then_drains_in_order"
        "[postgres]",
    ),
    Mutant(
        guard="a version is promised once",
        file=f"{_EVENTS}/schema_sql.py",
        text="UNIQUE (aggregatetype, source, aggregateid, aggregate_version)",
        replacement="UNIQUE (id)",
        test=f"{_RELAY}::test_a_version_is_promised_once",
    ),
    Mutant(
        guard="commands on one customer wait for each other",
        file="services/customer/src/customer/store/scoped.py",
        text="        found = await self._session.exec(query.with_for_update() if lock else query)",
        replacement="        found = await self._session.exec(query)",
        test="services/customer/tests/integration/test_customers_api.py"
        "::test_a_hundred_changes_at_once_leave_contiguous_versions",
    ),
)

POISON: Final = (
    Mutant(
        guard="what waits behind a parked event is known when later ones come",
        file=f"{_EVENTS}/consumer/heads.py",
        text="behind = [(row[0], row[1]) for row in rows if row[3]]",
        replacement="behind: list[Key] = []",
        test=f"{_POISON}::test_discard_lets_the_rest_drain_and_counts_as_seen[postgres]",
    ),
    Mutant(
        guard="a rejected event is not applied when its turn comes",
        file=f"{_EVENTS}/consumer/plan.py",
        text="if sequence == head.sequence + 1 and entry.error is None:",
        replacement="if sequence == head.sequence + 1:",
        test=f"{_POISON}::test_poison_anywhere_in_a_batch_holds_back_its_own_aggregate_only"
        "[postgres-0]",
    ),
    Mutant(
        guard="what is folded as it is read leaves out what waits behind a parked event",
        file=f"{_EVENTS}/consumer/folding.py",
        text="if held and any(",
        replacement="if False and any(",
        test=f"{_FOLDING}::test_behind_poison_its_key_waits_and_all_else_is_folded_on[postgres]",
    ),
    Mutant(
        guard="what was folded before a key came to wait is void",
        file=f"{_EVENTS}/consumer/folding.py",
        text="if self.times_held != self.keys.times_held:",
        replacement="if False:",
        test=f"{_FOLDING}::test_what_was_folded_before_its_key_came_to_wait_is_void[postgres]",
    ),
    Mutant(
        guard="too many rejected records stop the partition",
        file=f"{_EVENTS}/consumer/applying.py",
        text="if broken is not None:",
        replacement="if False:",
        test=f"{_POISON}::test_too_much_poison_stops_the_partition_and_parks_nothing_of_the_batch"
        "[postgres]",
    ),
    Mutant(
        guard="same id, other content is a conflict (inbox)",
        file=f"{_EVENTS}/inbox/numbering.py",
        text="return told == (event.type, event.time, sha256(event.payload).digest())",
        replacement="return bool(told)",
        test=f"{_TESTS}/integration/test_inbox.py"
        "::test_the_same_id_with_another_content_is_a_conflict_and_not_taken",
    ),
    Mutant(
        guard="an event that was taken is not taken again (inbox)",
        file=f"{_EVENTS}/inbox/numbering.py",
        text="elif row is not None and row.subject is not None:",
        replacement="elif row is not None and row.sequence == 0:",
        test=f"{_TESTS}/integration/test_inbox.py"
        "::test_the_same_event_again_is_taken_once_and_answered_alike",
    ),
)

RELAY: Final = (
    Mutant(
        guard="an event is promised in its transaction, also when it is the first statement there",
        file=f"{_EVENTS}/sqlalchemy.py",
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
        file=f"{_EVENTS}/relay/mover.py",
        text="        sent = self._tasks.create_task(",
        replacement="        await self._connection.execute(\n"
        "            _DELETE, runs_of([row[0] for row in rows])\n"
        "        )\n"
        "        sent = self._tasks.create_task(",
        test=f"{_RELAY}::test_an_error_of_the_log_ends_the_relay_and_keeps_the_events[postgres]",
    ),
    Mutant(
        guard="a batch of the inbox is published whole or not at all",
        file=f"{_EVENTS}/relay/stretches.py",
        text='if len(records[row["id"]]) != events[row["id"]]:',
        replacement="if not records:",
        test=f"{_TESTS}/integration/test_inbox_to_log.py"
        "::test_a_promise_whose_events_are_gone_ends_the_relay_and_is_kept[postgres]",
    ),
    Mutant(
        guard="an id that lacks in a page may commit later: it is not among the page's",
        file=f"{_EVENTS}/relay/runs.py",
        text="if ids[place] != ids[place - 1] + 1]",
        replacement="if ids[place] > ids[place - 1] + 9]",
        test=f"{_TESTS}/unit/test_runs.py::test_runs_hold_exactly_the_ids_that_were_read",
    ),
    Mutant(
        guard="a shard has one owner, by its lock",
        file=f"{_EVENTS}/relay/shards.py",
        text="if wanted and await self._connection.fetchval(_TAKE, _SPACE, shard):",
        replacement="if wanted:",
        test=f"{_RELAY}::test_two_relays_share_an_outbox_without_doubles[postgres]",
    ),
    Mutant(
        guard="pages that overlap keep their order",
        file=f"{_EVENTS}/log/kafka/producer.py",
        text="                async with self._turn:",
        replacement="                if True:",
        test=f"{_TRAPS}/test_producer.py"
        "::test_our_producer_keeps_the_order_of_each_key_over_many_full_batches",
    ),
    Mutant(
        guard="what is published is acknowledged by all replicas",
        file=f"{_EVENTS}/log/kafka/producer.py",
        text='            enable_idempotence=True,\n            acks="all",',
        replacement="            acks=0,",
        test=f"{_TRAPS}/test_producer.py"
        "::test_our_producer_raises_its_own_error_for_what_the_broker_refuses",
    ),
)

WATCHDOGS: Final = (
    Mutant(
        guard="a relay that moves nothing while there is work ends",
        file=f"{_EVENTS}/watchdog.py",
        text="if self._silent_ticks[part] >= self._limit:",
        replacement="if False:",
        test=f"{_TESTS}/unit/test_watchdog.py::test_silence_is_told_once_with_the_name_of_the_part",
    ),
    Mutant(
        guard="a consumer that does nothing while there is work ends",
        file=f"{_EVENTS}/consumer/watch.py",
        text="if idle > self._settings.stuck_seconds:",
        replacement="if False:",
        test=f"{_FAULTS}::test_a_handler_that_hangs_ends_the_process[postgres]",
    ),
    Mutant(
        guard="a client that does not stop is given up",
        file=f"{_EVENTS}/log/kafka/closing.py",
        text="asyncio.wait({task}, timeout=seconds)",
        replacement="asyncio.wait({task})",
        test=f"{_TESTS}/unit/test_closing.py::test_a_stop_that_hangs_is_given_up",
    ),
    Mutant(
        guard="a cancellation that meets an answer is not forgotten",
        file=f"{_EVENTS}/log/kafka/log.py",
        text="                return await question",
        replacement="                return await asyncio.wait_for(question, _TIMEOUT_SECONDS)",
        test=f"{_TESTS}/unit/test_closing.py"
        "::test_a_cancellation_that_meets_the_answer_is_not_forgotten",
    ),
    Mutant(
        guard="a client's own cancellation is not taken for ours",
        file=f"{_EVENTS}/log/kafka/closing.py",
        text="return task is not None and task.cancelling() > 0",
        replacement="return True",
        test=f"{_TRAPS}/test_watchdog.py"
        "::test_our_consumer_goes_on_with_a_new_reader_after_a_cancelled_poll",
    ),
)

GONE_OR_STRANGE: Final = (
    Mutant(
        guard="a connection to Kafka that nobody answers is not kept",
        file=f"{_EVENTS}/log/kafka/log.py",
        text="            await self._dismiss(inspector)\n            raise",
        replacement="            raise",
        test=f"{_VANISHED}::test_a_connection_to_kafka_that_nobody_answers_is_replaced[kafka]",
    ),
    Mutant(
        guard="a log on PostgreSQL that is gone without a word is given up",
        file=f"{_EVENTS}/log/postgres/log.py",
        text="command_timeout=_ANSWER_SECONDS",
        replacement="command_timeout=None",
        test=f"{_VANISHED}"
        "::test_a_consumer_whose_log_vanished_goes_on_with_new_connections[postgres]",
    ),
    Mutant(
        guard="a record with a header whose name is not UTF-8 is read as others are",
        file=f"{_EVENTS}/log/kafka/unpacking.py",
        text="    fetcher.PartitionRecords = _Records\n",
        replacement="",
        test=f"{_TRAPS}/test_header_names.py"
        "::test_our_reader_gives_each_record_once_also_around_it",
    ),
)

MUTANTS: Final = (*POSITIONS, *SEQUENCES, *POISON, *RELAY, *WATCHDOGS, *GONE_OR_STRANGE)
