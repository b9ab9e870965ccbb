"""Projects: planned, baselined more than once, finished, taken up again, given up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from events.types import ops
from kpi_histories.teller import OPS, PARTNERS, Teller


def project(teller: Teller, number: int) -> None:
    rnd, at = teller.rnd, teller.instant()
    source = rnd.choice([OPS, PARTNERS[1]])
    project = ops.ProjectState(
        project_id=rnd.choice([f"j{number}", f"j{number}", "j1", "j2"]),
        stage="plan",
        created_at=at,
        owner_id=rnd.choice(["ann", None]),
        dimensions=teller.dimensions(),
    )
    if teller.told(source, project.project_id):
        return
    teller.say(ops.ProjectCreated(project=project), source, at)
    for _ in range(rnd.randrange(7)):
        at = teller.later(at)
        data = _step(teller, project, at)
        project = data.project
        teller.say(data, source, at)
    if source != OPS:
        teller.known["defective"].append(("project", source, project.project_id))
        teller.maybe_void(source, project.project_id)


def _step(teller: Teller, project: ops.ProjectState, at: datetime) -> Any:
    rnd, change = teller.rnd, msgspec.structs.replace
    if not project.baselines or rnd.random() < 0.2:
        ahead = rnd.choice([0, 1, 1, 40, rnd.randrange(80)])
        due = at.astimezone(teller.zone).date() + timedelta(days=ahead)
        early = rnd.choice([0, 0, 12, -5])
        values = [
            ops.PlannedValue(on=due - timedelta(days=early + n * 9), value_minor=(3 - n) * 7_001)
            for n in (2, 1, 0)
        ]
        baseline = ops.Baseline(
            due_on=due,
            budget=teller.priced(rnd.randrange(90_000)) if rnd.random() < 0.8 else None,
            planned_values=values if rnd.random() < 0.5 else [],
        )
        grown = [*project.baselines, baseline]
        return ops.ProjectBaselined(project=change(project, stage="execute", baselines=grown))
    step = rnd.choice(
        ["details", "stage", "progress", "progress", "completed", "cancelled", "reopened"]
    )
    if step == "progress":
        earned = None if rnd.random() < 0.5 else rnd.randrange(90_000)
        share = rnd.randrange(10_001)
        further = change(project, progress_bp=share, earned_value_minor=earned)
        return ops.ProjectProgressReported(project=further)
    if step == "completed":
        accepted = rnd.choice([True, True, True, False, None])
        done = change(project, stage="closed", completed_at=at, accepted_first_time=accepted)
        return ops.ProjectCompleted(project=done)
    if step == "cancelled":
        gone = change(project, stage="cancelled", cancelled_at=at)
        return ops.ProjectCancelled(project=gone)
    return _moved(teller, project, step)


def _moved(teller: Teller, project: ops.ProjectState, step: str) -> Any:
    """Taken up again, or changed on the way."""
    change = msgspec.structs.replace
    if step == "reopened":
        back = change(project, stage="execute", completed_at=None)
        return ops.ProjectReopened(project=back)
    other = change(project, owner_id="bob", dimensions=teller.dimensions())
    if step == "details":
        return ops.ProjectDetailsChanged(project=other)
    return ops.ProjectStageChanged(project=other, from_stage=project.stage)
