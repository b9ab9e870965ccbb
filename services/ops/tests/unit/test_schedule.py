"""The network of tasks: never cyclic, never ahead of what it waits for."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import Refusal
from ops.domain.schedule import MAX_TASKS, Schedule
from ops.domain.task import Dependency, DependencyKind, Task
from ops.errors.tasks import (
    DependencyNotMet,
    DependencyUnknown,
    EffortMissing,
    TaskAlreadyStarted,
    TaskAwaited,
    TaskDependenciesCyclic,
    TaskNotStarted,
    TaskPlanReversed,
    TooManyTasks,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def task(
    name: str, *waits_for: str, kind: DependencyKind = DependencyKind.FS, **details: Any
) -> Task:
    awaited = tuple(Dependency(task_id=other, kind=kind) for other in waits_for)
    return Task(id=name, title=name, depends_on=awaited, **details)


def test_a_cycle_is_refused_and_named_from_end_to_end() -> None:
    schedule = Schedule.of(
        [task("design"), task("build", "design"), task("test", "build")], progress_by="weight"
    )

    with pytest.raises(TaskDependenciesCyclic) as refused:
        schedule.change("design", depends_on=(Dependency(task_id="test"),))

    assert "waits for" in refused.value.detail
    cycle = refused.value.members["cycle"]
    assert cycle[0] == cycle[-1]
    assert set(cycle) == {"design", "build", "test"}


def test_a_task_cannot_wait_for_itself() -> None:
    with pytest.raises(TaskDependenciesCyclic, match="design waits for design"):
        Schedule.of([task("design", "design")], progress_by="weight")


def test_a_task_cannot_wait_for_a_task_of_another_project() -> None:
    with pytest.raises(DependencyUnknown, match="elsewhere"):
        Schedule.of([task("design", "elsewhere")], progress_by="weight")


@pytest.mark.parametrize(
    ("kind", "held", "release"),
    [
        (DependencyKind.FS, "start", "finish"),
        (DependencyKind.SS, "start", "start"),
        (DependencyKind.FF, "finish", "finish"),
        (DependencyKind.SF, "finish", "start"),
    ],
)
def test_each_kind_holds_its_end_until_the_other_lets_go(
    kind: DependencyKind, held: str, release: str
) -> None:
    schedule = Schedule.of(
        [task("first"), task("second", "first", kind=kind)], progress_by="weight"
    )
    if held == "finish":
        schedule = schedule.start("second", at=NOON)
    act = schedule.start if held == "start" else schedule.finish

    with pytest.raises(DependencyNotMet, match=f"'second' may not {held} before 'first'"):
        act("second", at=NOON)

    freed = schedule.start("first", at=NOON)
    if release == "finish":
        freed = freed.finish("first", at=NOON)
    done = (freed.start if held == "start" else freed.finish)("second", at=NOON)
    assert done.get("second").version > schedule.get("second").version


def test_a_finish_that_others_relied_on_cannot_be_taken_back() -> None:
    schedule = Schedule.of([task("first"), task("second", "first")], progress_by="weight")
    schedule = (
        schedule.start("first", at=NOON).finish("first", at=NOON).start("second", at=NOON + HOUR)
    )

    with pytest.raises(DependencyNotMet):
        schedule.reopen("first", progress_bp=5_000)


def test_a_dependency_that_was_already_broken_is_refused_when_it_is_added() -> None:
    schedule = Schedule.of([task("first"), task("second")], progress_by="weight").start(
        "second", at=NOON
    )

    with pytest.raises(DependencyNotMet):
        schedule.change("second", depends_on=(Dependency(task_id="first"),))


def test_only_a_task_that_nobody_waits_for_and_nobody_began_can_be_removed() -> None:
    schedule = Schedule.of([task("first"), task("second", "first")], progress_by="weight")
    with pytest.raises(TaskAwaited, match="'second' waits for 'first'"):
        schedule.remove("first")
    with pytest.raises(TaskAlreadyStarted):
        schedule.start("first", at=NOON).remove("first")

    assert set(schedule.remove("second").tasks) == {"first"}


def test_progress_is_the_weighted_share_and_whole_only_at_the_end() -> None:
    schedule = Schedule.of([task("small", weight=1), task("large", weight=2)], progress_by="weight")
    schedule = schedule.start("large", at=NOON).report("large", progress_bp=5_000)
    assert schedule.progress_bp() == 3_333

    schedule = schedule.finish("large", at=NOON)
    assert schedule.progress_bp() == 6_666
    assert schedule.counted_by("count").progress_bp() == 5_000
    assert schedule.start("small", at=NOON).finish("small", at=NOON).progress_bp() == 10_000


def test_progress_by_effort_needs_the_effort_of_each_task() -> None:
    with pytest.raises(EffortMissing, match="'second'"):
        Schedule.of([task("first", effort_minutes=60), task("second")], progress_by="effort")


def test_milestones_alone_count_equally() -> None:
    schedule = Schedule.of(
        [task("kick-off", weight=0), task("handover", weight=0)], progress_by="weight"
    )
    assert schedule.start("kick-off", at=NOON).finish("kick-off", at=NOON).progress_bp() == 5_000


def test_progress_is_reported_of_a_task_that_runs() -> None:
    schedule = Schedule.of([task("first")], progress_by="weight")
    with pytest.raises(TaskNotStarted):
        schedule.report("first", progress_bp=1)


def test_a_task_cannot_be_planned_backwards() -> None:
    with pytest.raises(TaskPlanReversed):
        Task(id="a", title="a", planned_start_on=date(2026, 3, 2), planned_end_on=date(2026, 3, 1))


def test_a_network_of_the_largest_size_is_checked_and_a_larger_one_refused() -> None:
    chain = [task("0")] + [task(str(index), str(index - 1)) for index in range(1, MAX_TASKS)]
    schedule = Schedule.of(reversed(chain), progress_by="weight")
    assert [ordered.id for ordered in schedule.in_order()] == [
        str(index) for index in range(MAX_TASKS)
    ]

    with pytest.raises(TooManyTasks):
        schedule.add(task("one more"))


NAMES = "abcdef"
ACTS = st.one_of(
    st.tuples(st.just("start"), st.sampled_from(NAMES)),
    st.tuples(st.just("finish"), st.sampled_from(NAMES)),
    st.tuples(st.just("reopen"), st.sampled_from(NAMES)),
    st.tuples(
        st.just("wait"),
        st.sampled_from(NAMES),
        st.sampled_from(NAMES),
        st.sampled_from(list(DependencyKind)),
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(ACTS, max_size=40))
def test_whatever_is_tried_the_network_stays_free_of_cycles_and_in_order(
    acts: list[tuple[str, ...]],
) -> None:
    schedule = Schedule.of([task(name) for name in NAMES], progress_by="count")
    for index, (act, name, *rest) in enumerate(acts):
        at = NOON + index * HOUR
        try:
            schedule = _try(schedule, act, (name, *rest), at=at)
        except Refusal:
            continue
    assert _reaches_itself(schedule) is False
    assert _ahead_of_what_it_waits_for(schedule) == []
    assert 0 <= schedule.progress_bp() <= 10_000
    assert (schedule.progress_bp() == 10_000) == (not schedule.unfinished())


def _try(schedule: Schedule, act: str, about: tuple[str, ...], *, at: datetime) -> Schedule:
    name, *rest = about
    if act == "start":
        return schedule.start(name, at=at)
    if act == "finish":
        return schedule.finish(name, at=at)
    if act == "reopen":
        return schedule.reopen(name, progress_bp=0)
    wanted = Dependency(task_id=rest[0], kind=DependencyKind(rest[1]))
    return schedule.change(name, depends_on=(*schedule.get(name).depends_on, wanted))


def _reaches_itself(schedule: Schedule) -> bool:
    """Written another way than the code: the closure of `waits for` by repeated joining."""
    closure = {
        (task.id, edge.task_id) for task in schedule.tasks.values() for edge in task.depends_on
    }
    while True:
        wider = closure | {(a, d) for a, b in closure for c, d in closure if b == c}
        if wider == closure:
            return any(a == b for a, b in closure)
        closure = wider


def _ahead_of_what_it_waits_for(schedule: Schedule) -> list[tuple[str, str]]:
    found = []
    for later in schedule.tasks.values():
        for edge in later.depends_on:
            earlier = schedule.tasks[edge.task_id]
            held = later.started_at if edge.kind.value[1] == "S" else later.finished_at
            freed = earlier.finished_at if edge.kind.value[0] == "F" else earlier.started_at
            if held is not None and (freed is None or freed > held):
                found.append((later.id, earlier.id))
    return found
