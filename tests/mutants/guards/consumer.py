"""Guards of the consumer: positions, sequences, and what cannot be applied."""

from typing import Final

from mutants.guards.mutant import EVENTS, TESTS, TRAPS, Mutant

_CONSUMER: Final = f"{TESTS}/integration/test_consumer.py"
_POISON: Final = f"{TESTS}/integration/test_poison.py"
_DECISIONS: Final = f"{TESTS}/integration/test_decisions_about_parked.py"
_FOLDING: Final = f"{TESTS}/integration/test_folding.py"
_CHANGED: Final = f"{TESTS}/integration/test_changed_logs.py"
_RELAY: Final = f"{TESTS}/integration/test_outbox_and_relay.py"

POSITIONS: Final = (
    Mutant(
        guard="a batch moves its positions only from where it began, in the epoch of its claim",
        file=f"{EVENTS}/consumer/positions.py",
        text="\n  AND p.epoch = w.epoch AND p.next_offset = w.start",
        replacement="",
        test=f"{_CONSUMER}::test_a_zombie_commits_nothing[postgres]",
    ),
    Mutant(
        guard="the position is part of that: one that somebody else has moved is refused",
        file=f"{EVENTS}/consumer/positions.py",
        text=" AND p.next_offset = w.start",
        replacement="",
        test=f"{_CHANGED}"
        "::test_a_position_that_was_set_from_outside_is_taken_up_and_not_run_over[postgres]",
    ),
    Mutant(
        guard="the epoch is part of that: a former owner at the same position is refused",
        file=f"{EVENTS}/consumer/positions.py",
        text="p.epoch = w.epoch AND p.next_offset = w.start",
        replacement="p.next_offset = w.start",
        test=f"{_CONSUMER}::test_a_zombie_commits_nothing[postgres]",
    ),
    Mutant(
        guard="who claims a partition raises its epoch",
        file=f"{EVENTS}/consumer/claims.py",
        text="SET epoch = p.epoch + 1,",
        replacement="SET epoch = p.epoch,",
        test=f"{_CONSUMER}::test_a_zombie_commits_nothing[postgres]",
    ),
    Mutant(
        guard="a partition that was taken over is given up also where nothing comes",
        file=f"{EVENTS}/consumer/consumer.py",
        text="await require_ours(connection, self._watch.claims, consumer=self._name)",
        replacement="pass",
        test=f"{_CONSUMER}"
        "::test_a_quiet_partition_that_was_taken_over_by_mistake_comes_back[postgres]",
    ),
    Mutant(
        guard="nothing is read before its position is claimed (the pause in a rebalance listener)",
        file=f"{EVENTS}/consumer/consumer.py",
        text="        if new:\n",
        replacement="        if new:\n            reader.assign(dict.fromkeys(new, 0))\n"
        "            await reader.poll(max_records=1, timeout_seconds=0.1)\n",
        test=f"{TRAPS}/test_assignment.py"
        "::test_our_consumer_reads_nothing_before_its_positions_are_claimed",
    ),
    Mutant(
        guard="the record last read is still the one on the log",
        file=f"{EVENTS}/consumer/claims.py",
        text="digest_of(records[0]) != checked.digest",
        replacement="False",
        test=f"{_CHANGED}::test_a_topic_that_was_made_again_stops_the_consumer[postgres-longer]",
    ),
    Mutant(
        guard="a position outside the log stops the reader",
        file=f"{EVENTS}/log/kafka/reader.py",
        text='auto_offset_reset="none"',
        replacement='auto_offset_reset="latest"',
        test=f"{TRAPS}/test_offsets.py::test_our_reader_stops_where_records_were_cut_under_it",
    ),
    Mutant(
        guard="a topic that is recreated under a consumer is not taken for the old one",
        file=f"{EVENTS}/consumer/watch.py",
        text="if self._identities.setdefault(topic, identity) != identity:",
        replacement="if False:",
        test=f"{_CHANGED}"
        "::test_a_topic_made_again_under_a_running_consumer_stops_it_for_good[postgres-longer]",
    ),
    Mutant(
        guard="the watermark is never ahead of the log",
        file=f"{EVENTS}/consumer/claims.py",
        text="at = min(at, stretch.newest)",
        replacement="at = stretch.newest",
        test=f"{TESTS}/integration/test_clocks.py"
        "::test_the_watermark_does_not_run_ahead_of_the_log[postgres-1]",
    ),
)

SEQUENCES: Final = (
    Mutant(
        guard="a sequence that was applied is dropped (heads)",
        file=f"{EVENTS}/consumer/plan.py",
        text="if sequence <= head.sequence or sequence in head.waiting:",
        replacement="if sequence in head.waiting:",
        test=f"{_CONSUMER}::test_copies_and_late_copies_change_nothing[postgres]",
    ),
    Mutant(
        guard="heads that are moved unread stand where the batch expects them",
        file=f"{EVENTS}/consumer/heads.py",
        text="\n  AND h.sequence = w.before AND h.parked = 0",
        replacement="",
        test=f"{_CONSUMER}::test_a_batch_that_only_looks_like_the_next_is_not_applied"
        "[postgres-late copies]",
    ),
    Mutant(
        guard="a sequence before which others are missing waits",
        file=f"{EVENTS}/consumer/plan.py",
        text="if sequence == head.sequence + 1 and entry.error is None:",
        replacement="if entry.error is None:",
        test=f"{_CONSUMER}::test_a_gap_waits_for_the_missing_event_and_then_drains_in_order"
        "[postgres]",
    ),
    Mutant(
        guard="a version is promised once",
        file=f"{EVENTS}/schema_sql.py",
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
        file=f"{EVENTS}/consumer/heads.py",
        text="behind = [(row[0], row[1]) for row in rows if row[3]]",
        replacement="behind: list[Key] = []",
        test=f"{_DECISIONS}::test_discard_lets_the_rest_drain_and_counts_as_seen[postgres]",
    ),
    Mutant(
        guard="the last decision about a parked event holds, though it comes while it is applied",
        file=f"{EVENTS}/consumer/store.py",
        text='if int(status.rpartition(" ")[2]) < len(asked):',
        replacement="if False:",
        test=f"{_DECISIONS}"
        "::test_the_last_decision_holds_though_it_comes_while_the_first_is_carried_out[postgres]",
    ),
    Mutant(
        guard="a rejected event is not applied when its turn comes",
        file=f"{EVENTS}/consumer/plan.py",
        text="if sequence == head.sequence + 1 and entry.error is None:",
        replacement="if sequence == head.sequence + 1:",
        test=f"{_POISON}::test_poison_anywhere_in_a_batch_holds_back_its_own_aggregate_only"
        "[postgres-0]",
    ),
    Mutant(
        guard="what is folded as it is read leaves out what waits behind a parked event",
        file=f"{EVENTS}/consumer/folding.py",
        text="if held and any(",
        replacement="if False and any(",
        test=f"{_FOLDING}::test_behind_poison_its_key_waits_and_all_else_is_folded_on[postgres]",
    ),
    Mutant(
        guard="what was folded before a key came to wait is void",
        file=f"{EVENTS}/consumer/folding.py",
        text="if self.times_held != self.keys.times_held:",
        replacement="if False:",
        test=f"{_FOLDING}::test_what_was_folded_before_its_key_came_to_wait_is_void[postgres]",
    ),
    Mutant(
        guard="too many rejected records stop the partition",
        file=f"{EVENTS}/consumer/applying.py",
        text="if broken is not None:",
        replacement="if False:",
        test=f"{_POISON}::test_too_much_poison_stops_the_partition_and_parks_nothing_of_the_batch"
        "[postgres]",
    ),
)
