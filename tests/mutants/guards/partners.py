"""Guards of partners' events: one copy of each is taken, and none is lost."""

from typing import Final

from mutants.guards.mutant import EVENTS, TESTS, Mutant

_INBOX: Final = f"{TESTS}/integration/test_inbox.py"
_INGRESS: Final = "services/gateway/src/gateway/ingress"
_LIMITS: Final = "services/gateway/tests/integration/test_partner_limits.py"
_FILING: Final = "services/gateway/tests/integration/test_filing.py"

INBOX: Final = (
    Mutant(
        guard="same id, other content is a conflict (inbox)",
        file=f"{EVENTS}/inbox/numbering.py",
        text="return told == (event.type, event.time, sha256(event.payload).digest())",
        replacement="return bool(told)",
        test=f"{_INBOX}::test_the_same_id_with_another_content_is_a_conflict_and_not_taken",
    ),
    Mutant(
        guard="an event that was taken is not taken again (inbox)",
        file=f"{EVENTS}/inbox/numbering.py",
        text="elif row is not None and row.subject is not None:",
        replacement="elif row is not None and row.sequence == 0:",
        test=f"{_INBOX}::test_the_same_event_again_is_taken_once_and_answered_alike",
    ),
    Mutant(
        guard="an id is in the inbox once, whatever was presumed of it",
        file=f"{EVENTS}/schema_sql.py",
        text="CREATE UNIQUE INDEX IF NOT EXISTS inbox_event_once",
        replacement="CREATE INDEX IF NOT EXISTS inbox_event_once",
        test=f"{_INBOX}::test_a_batch_that_was_presumed_new_and_is_not_takes_nothing",
    ),
    Mutant(
        guard="a sequence of a subject is in the inbox once, whatever was presumed of it",
        file=f"{EVENTS}/schema_sql.py",
        text="CREATE UNIQUE INDEX IF NOT EXISTS inbox_sequence_once",
        replacement="CREATE INDEX IF NOT EXISTS inbox_sequence_once",
        test=f"{_INBOX}::test_a_batch_that_was_presumed_new_and_is_not_takes_nothing",
    ),
    Mutant(
        guard="events that were presumed new and are not are looked up, and taken all the same",
        file=f"{_INGRESS}/taking.py",
        text="    if presumed_new:\n        with suppress(*RACED):\n",
        replacement="    if presumed_new:\n        with suppress():\n",
        test=f"{_FILING}::test_a_presumption_that_was_wrong_costs_nobody_its_events",
    ),
    Mutant(
        guard="who has repeated himself is looked up for ten minutes",
        file=f"{EVENTS}/inbox/newcomers.py",
        text="return all(self._looked_up_until.get(source, now) <= now for source in sources)",
        replacement="return bool(sources)",
        test=f"{TESTS}/unit/test_newcomers.py"
        "::test_a_source_is_presumed_to_send_new_events_until_it_does_not",
    ),
    Mutant(
        guard="no partner gets all the room for bodies",
        file=f"{_INGRESS}/filing.py",
        text="        if own and own + size > self._most_bytes // _SHARES:\n",
        replacement="        if own and own + size > self._most_bytes:\n",
        test=f"{_LIMITS}::test_who_sends_slowly_fills_a_part_of_the_door_and_nobody_elses",
    ),
    Mutant(
        guard="a body that does not come in is given up",
        file="libs/chassis/src/chassis/middleware.py",
        text="asyncio.timeout_at(ends_at)",
        replacement="asyncio.timeout_at(None)",
        test=f"{_LIMITS}::test_a_body_that_does_not_come_is_given_up_with_its_room",
    ),
    Mutant(
        guard="no control character of a partner's event gets past the door by the quick way",
        file=f"{EVENTS}/partners/quick.py",
        text="event.id.isprintable() and ",
        replacement="",
        test=f"{TESTS}/unit/test_partners_hostile.py"
        "::test_what_cloudevents_forbids_is_refused_by_its_name",
    ),
    Mutant(
        guard="an id that is no text is not made into one",
        file=f"{EVENTS}/cloudevents/structured.py",
        text="    if name in CORE:",
        replacement="    if not name:",
        test=f"{TESTS}/unit/test_partners_hostile.py"
        "::test_an_id_that_is_no_text_is_refused_and_not_made_into_one",
    ),
)
