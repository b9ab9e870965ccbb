from __future__ import annotations

from gateway.kpi import sse
from gateway.kpi.query import AnswerKey, KpiQuery

KEYS = [AnswerKey(KpiQuery(name), "*") for name in ("a", "b")]


def test_position_names_what_is_held_of_each_question() -> None:
    position = sse.Position(KEYS, None)
    assert position.move(KEYS[1], "two") == "-.two"
    assert position.move(KEYS[0], "one") == "one.two"
    resumed = sse.Position(KEYS, "one.two")
    assert resumed.holds(KEYS[0], "one")
    assert not resumed.holds(KEYS[1], "one")


def test_position_of_other_questions_or_nonsense_holds_nothing() -> None:
    for last in ("one", "one.two.three", "", "\u0000", "." * 5):
        assert not sse.Position(KEYS, last).holds(KEYS[0], "one")


def test_event_with_line_breaks_stays_one_event() -> None:
    sent = sse.event("kpi", b'{"a":\n1}', event_id="x.y")
    assert sent == b'id: x.y\nevent: kpi\ndata: {"a":\ndata: 1}\n\n'
