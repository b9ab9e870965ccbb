"""Cursors, ETags, traces, logs, telemetry: the small parts at the edge."""

import json
import logging
import string
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from chassis import logs, tracing
from chassis.clock import SetClock, SystemClock
from chassis.concurrency import ExpectedVersion, StaleVersion, etag
from chassis.cursors import CursorRefused, CursorSeal
from chassis.observer import PrometheusObserver
from chassis.paging import PageRequest
from events import Observer
from events.errors import Fenced

SEAL = CursorSeal("a secret for tests only")


def request(cursor: str | None, *, limit: int = 2, scope: str = "list") -> PageRequest:
    return PageRequest(limit=limit, cursor=cursor, scope=scope, seal=SEAL)


@given(at=st.datetimes(timezones=st.just(UTC)), row_id=st.text())
def test_a_cursor_leads_back_to_its_position(at: datetime, row_id: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in row_id):
        return
    cursor = SEAL.seal((at, row_id), scope="list")
    assert cursor.isascii()
    assert request(cursor).after(tuple[datetime, str]) == (at, row_id)


@given(st.text(), st.integers(min_value=0))
def test_no_other_text_is_a_cursor(text: str, at: int) -> None:
    good = SEAL.seal(["x", 1], scope="list")
    changed = good[: at % len(good)] + text + good[at % len(good) + 1 :]
    if changed == good:
        return
    with pytest.raises(CursorRefused):
        request(changed).after(list[object])


def test_a_cursor_has_one_spelling() -> None:
    letters = string.ascii_letters + string.digits + "-_"
    good = SEAL.seal(["x", 1], scope="list")
    for letter in letters.replace(good[-1], ""):
        with pytest.raises(CursorRefused):
            request(good[:-1] + letter).after(list[object])


def test_a_cursor_of_another_list_secret_or_release_is_refused() -> None:
    cursor = SEAL.seal(["x", 1], scope="list")
    with pytest.raises(CursorRefused):
        request(cursor, scope="other list").after(list[object])
    with pytest.raises(CursorRefused):
        PageRequest(limit=1, cursor=cursor, scope="list", seal=CursorSeal("another one")).after(
            list[object]
        )
    with pytest.raises(CursorRefused):
        request(cursor).after(tuple[datetime, str])


@pytest.mark.parametrize(("rows", "more"), [(0, False), (1, False), (2, False), (3, True)])
def test_the_last_page_has_no_cursor(rows: int, *, more: bool) -> None:
    page = request(None).page(list(range(rows)), view=str, key=lambda row: row)
    assert page.items == [str(row) for row in range(min(rows, 2))]
    assert (page.next_cursor is not None) is more


def test_a_version_is_checked_only_when_it_was_given() -> None:
    assert etag(3) == '"3"'
    ExpectedVersion(None).check(7)
    ExpectedVersion(7).check(7)
    with pytest.raises(StaleVersion) as stale:
        ExpectedVersion(6).check(7, current={"id": 1}, changed=["stage"])
    assert stale.value.members == {"current": {"id": 1}, "changed": ["stage"], "version": 7}


def test_a_trace_is_followed_or_begun() -> None:
    sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    trace = tracing.Trace.following(sent)
    assert trace.trace_id == "0af7651916cd43dd8448eb211c80319c"
    assert trace.span_id != "b7ad6b7169203331"
    assert tracing.Trace.following(trace.traceparent).trace_id == trace.trace_id
    assert tracing.Trace.following(sent.upper()).trace_id != trace.trace_id


def test_logs_are_json_with_trace_and_service(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        logs.configure(service="sample", level="INFO")
        trace = tracing.follow(None)
        logging.getLogger("some.library").info("hello %s", "you", extra={"topic": "ops"})
        logging.getLogger("some.library").debug("not this")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    [line] = capsys.readouterr().out.splitlines()
    said = json.loads(line)
    assert said["event"] == "hello you"
    assert said["trace_id"] == trace.trace_id
    assert (said["service"], said["level"], said["topic"]) == ("sample", "info", "ops")
    assert said["timestamp"].endswith("Z")
    names = {"event", "logger", "level", "timestamp", "service", "trace_id", "topic"}
    assert set(said) == names  # nothing of how the record was made


def test_a_log_line_holds_whatever_it_is_given() -> None:
    strange = logging.makeLogRecord({"msg": "%s\n“%s”", "args": ("é", "二"), "thing": object})
    try:
        int("broken")
    except ValueError:
        strange.exc_info = sys.exc_info()
    line = logs.JsonLines("sample").format(strange)
    assert "\n" not in line
    said = json.loads(line)
    assert said["event"] == "é\n“二”"
    assert said["thing"] == "<class 'object'>"
    assert said["exception"].endswith("literal for int() with base 10: 'broken'")


def test_the_observer_tells_prometheus() -> None:
    registry = CollectorRegistry()
    observer: Observer = PrometheusObserver(registry)
    observer.batch_applied(
        "kpi",
        records=5,
        applied=3,
        duplicates=1,
        unknown=1,
        gaps=2,
        rows=6,
        seconds=0.1,
        oldest_seconds=0.2,
    )
    observer.event_parked("kpi", topic="ops", reason="gap")
    observer.parked_resolved("kpi", outcome="released", count=2)
    observer.parked_total("kpi", reason="gap", count=1)
    observer.lag("kpi", topic="ops", partition=0, records=7)
    observer.watermark_age("kpi", seconds=2)
    observer.retrying("kpi", error=OSError("away"), seconds=1)
    observer.retrying("kpi", error=Fenced("taken over"), seconds=1)
    observer.partition_stopped("kpi", topic="ops", partition=0, reason="too much")
    observer.claimed("kpi", partitions=4)
    observer.published("ops", count=2, seconds=0.1)
    observer.outbox("ops", waiting=0, oldest_seconds=0)
    observer.outbox_unreachable("ops", error=OSError("away"))
    page = generate_latest(registry).decode()
    for line in (
        'pipeline_events_processed_total{consumer="kpi",outcome="applied"} 3.0',
        'pipeline_consumer_lag_records{consumer="kpi",partition="0",topic="ops"} 7.0',
        'dlq_events_total{consumer="kpi",reason="gap",topic="ops"} 1.0',
        'dlq_resolved_events_total{consumer="kpi",outcome="released"} 2.0',
        'pipeline_events_visible_total{consumer="kpi",within="objective"} 5.0',
        'pipeline_gaps_total{consumer="kpi"} 2.0',
        'pipeline_folded_events_total{consumer="kpi"} 3.0',
        'pipeline_folded_rows_total{consumer="kpi"} 6.0',
        'pipeline_event_age_seconds_sum{consumer="kpi"} 0.2',
        'pipeline_batch_retries_total{consumer="kpi"} 2.0',
        'pipeline_fences_total{consumer="kpi"} 1.0',
        'outbox_pending_events{database="ops"} 0.0',
        'outbox_published_total{database="ops"} 2.0',
    ):
        assert line in page
    oldest = registry.get_sample_value(
        "outbox_oldest_pending_timestamp_seconds", {"database": "ops"}
    )
    assert oldest == pytest.approx(time.time(), abs=5)


def test_a_set_clock_moves_only_when_moved() -> None:
    clock = SetClock(datetime(2024, 1, 1, tzinfo=UTC))
    assert clock.now() == clock.now()
    clock.advance(timedelta(hours=1))
    assert clock.now() == datetime(2024, 1, 1, 1, tzinfo=UTC)
    assert SystemClock().now().tzinfo is UTC
    with pytest.raises(ValueError, match="aware"):
        SetClock(datetime(2024, 1, 1))  # noqa: DTZ001 - naive on purpose
