"""Projects: plan, read, change, and their history. Their stages are in `stages`."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter, Response

from chassis.auth import require
from chassis.concurrency import IfMatch, set_etag
from chassis.paging import Page, PageDep
from chassis.types import Code, Id
from chassis.work import Work, WorkDep
from events import Dimensions, uuid7
from events.types.ops import ProjectStage
from ops.api.fields import own_team, refuse_stale
from ops.api.project_views import ChangeProject, ChangeView, PlanProject, ProjectView
from ops.domain.change import Change
from ops.domain.project import Project
from ops.store.changes import history_of
from ops.store.customers import known_customer, placed
from ops.store.projects import ProjectFilter, Projects
from ops.store.tasks import Tasks

router = APIRouter(prefix="/v1/projects", tags=["projects"])


@router.post("", status_code=201, dependencies=[require("projects:write")])
async def plan_project(body: PlanProject, work: WorkDep, response: Response) -> ProjectView:
    """Plan a project. It starts with `POST /v1/projects/{id}/start`, which freezes the baseline."""
    at = work.moment(body.occurred_at)
    dimensions = Dimensions(
        team=own_team(work.actor, body.team), region=body.region, product=body.product
    )
    if body.customer_id is not None:
        dimensions = placed(dimensions, await known_customer(work, body.customer_id))
    project, planned = Project.plan(
        at=at,
        id=uuid7(),
        name=body.name,
        external_ref=body.external_ref,
        owner_id=body.owner_id,
        customer_id=body.customer_id,
        dimensions=dimensions,
        start_on=body.start_on,
        due_on=body.due_on,
        budget=body.budget.money() if body.budget else None,
        progress_by=body.progress_by,
    )
    await Projects(work).add(Change(before=None, after=project, at=at, data=planned))
    response.headers["Location"] = f"/v1/projects/{project.id}"
    set_etag(response, project.version)
    return ProjectView.of(project)


@router.get("", dependencies=[require("projects:read")])
async def list_projects(
    page: PageDep,
    work: WorkDep,
    *,
    customer_id: Id | None = None,
    owner_id: Id | None = None,
    team: Code | None = None,
    stage: ProjectStage | None = None,
    external_ref: Id | None = None,
) -> Page[ProjectView]:
    """Projects of your teams, the newest first."""
    wanted = ProjectFilter(
        customer_id=customer_id,
        owner_id=owner_id,
        team=team,
        stage=stage,
        external_ref=external_ref,
    )
    found = await Projects(work).list(wanted, before_id=page.after(str), limit=page.fetch)
    return page.page(found, view=ProjectView.of, key=lambda project: project.id)


@router.get("/{project_id}", dependencies=[require("projects:read")])
async def read_project(project_id: Id, work: WorkDep, response: Response) -> ProjectView:
    project = await Projects(work).get(project_id)
    set_etag(response, project.version)
    return ProjectView.of(project)


@router.patch("/{project_id}", dependencies=[require("projects:write")])
async def change_project(
    project_id: Id, body: ChangeProject, work: WorkDep, expected: IfMatch, response: Response
) -> ProjectView:
    """Change details. A frozen baseline stays as it is; replan with `/rebaseline`."""
    projects = Projects(work)
    project = await projects.lock(project_id)
    await refuse_stale(
        work,
        expected,
        subject_id=project.id,
        actual=project.version,
        current=ProjectView.of(project),
    )
    at = work.moment(body.occurred_at, not_before=project.changed_at)
    changed, event = project.change_details(at=at, **await _changes(work, project, body))
    if event is not None:
        await projects.save(Change(before=project, after=changed, at=at, data=event))
    if changed.progress_by != project.progress_by:
        changed = await _recounted(work, changed)
    set_etag(response, changed.version)
    return ProjectView.of(changed)


@router.get("/{project_id}/history", dependencies=[require("projects:read")])
async def read_history(project_id: Id, page: PageDep, work: WorkDep) -> Page[ChangeView]:
    """Who changed what of the project, when, and why; oldest first."""
    project = await Projects(work).get(project_id)
    lines = await history_of(work, project.id, after_version=page.after(int) or 0, limit=page.fetch)
    return page.page(lines, view=ChangeView.of, key=lambda line: line.version)


async def _recounted(work: Work, project: Project) -> Project:
    """The project with its tasks' progress, added up in the way that it now says."""
    schedule = await Tasks(work).of(project)
    recounted, event = project.report_progress(schedule, at=project.changed_at)
    if event is not None:
        change = Change(before=project, after=recounted, at=project.changed_at, data=event)
        await Projects(work).save(change)
    return recounted


async def _changes(work: Work, project: Project, body: ChangeProject) -> dict[str, Any]:
    sent = body.model_fields_set - {"occurred_at"}
    changes = {name: getattr(body, name) for name in sent - {"team", "region", "product", "budget"}}
    if "budget" in sent:
        changes["budget"] = body.budget.money() if body.budget else None
    dimensions = project.dimensions
    if "customer_id" in sent and body.customer_id != project.customer_id:
        dimensions = msgspec.structs.replace(
            dimensions, channel=None, segment=None, sector=None, region=body.region
        )
        if body.customer_id is not None:
            dimensions = placed(dimensions, await known_customer(work, body.customer_id))
    given = {name: getattr(body, name) for name in sent & {"team", "region", "product"}}
    if "team" in given and body.team != dimensions.team:
        given["team"] = own_team(work.actor, body.team)
    changes["dimensions"] = msgspec.structs.replace(dimensions, **given)
    return changes
