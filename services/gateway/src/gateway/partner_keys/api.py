"""/v1/partner-keys: an administrator issues, lists, rotates and revokes partners' keys."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from chassis.auth import ActorDep, require
from chassis.paging import Page, PageDep
from chassis.resources import Resources, ResourcesDep
from events import Connection
from gateway.partner_keys import issuing, store
from gateway.partner_keys.secret import Kind
from gateway.partner_keys.store import PartnerKey
from gateway.partner_keys.views import (
    AuditLine,
    IssuedKey,
    IssueKey,
    KeyId,
    KeyView,
    Partner,
    RevokeKey,
    RotateKey,
)
from gateway.parts import parts_of
from gateway.ratelimit import count_request

log = logging.getLogger(__name__)

router = APIRouter(
    prefix="/v1/partner-keys",
    tags=["partner keys"],
    dependencies=[require("partners:manage"), Depends(count_request)],
)

PathId = Annotated[KeyId, Path(description="the key's public id")]
PartnerQuery = Annotated[Partner | None, Query(description="of this partner only")]
KeyQuery = Annotated[KeyId | None, Query(description="about this key only")]


@router.post("", status_code=HTTPStatus.CREATED)
async def issue_key(
    body: IssueKey, actor: ActorDep, resources: ResourcesDep, *, response: Response
) -> IssuedKey:
    """Issue a key. Its secret is in this answer and nowhere else, ever."""
    now = resources.clock.now()
    async with _changing(resources) as connection:
        key, secret = await issuing.issue(
            connection, body, kind=_kind(resources), actor=actor.id, now=now
        )
    _tell("issued", key, actor=actor.id, reason=body.reason)
    return _shown_once(key, secret, now=now, response=response)


@router.get("")
async def list_keys(
    page: PageDep, resources: ResourcesDep, partner: PartnerQuery = None
) -> Page[KeyView]:
    """Keys of all partners or of one, oldest first, also those that ended."""
    now = resources.clock.now()
    async with resources.database.pool.acquire() as connection:
        rows = await store.list_keys(
            connection, partner=partner, after=page.after(tuple[datetime, str]), limit=page.fetch
        )
    return page.page(
        rows, view=lambda key: KeyView.of(key, now=now), key=lambda key: (key.issued_at, key.id)
    )


@router.get("/audit")
async def list_audit(
    page: PageDep, resources: ResourcesDep, key_id: KeyQuery = None
) -> Page[AuditLine]:
    """Who issued, rotated and revoked which key, when and why."""
    async with resources.database.pool.acquire() as connection:
        rows = await store.list_audit(
            connection, key_id=key_id, after=page.after(int) or 0, limit=page.fetch
        )
    return page.page(rows, view=AuditLine.of, key=lambda line: line.id)


@router.get("/{key_id}")
async def show_key(key_id: PathId, resources: ResourcesDep) -> KeyView:
    """One key, without its secret."""
    async with resources.database.pool.acquire() as connection:
        return KeyView.of(await issuing.found(connection, key_id), now=resources.clock.now())


@router.post("/{key_id}/rotate", status_code=HTTPStatus.CREATED)
async def rotate_key(
    key_id: PathId,
    body: RotateKey,
    actor: ActorDep,
    *,
    request: Request,
    resources: ResourcesDep,
    response: Response,
) -> IssuedKey:
    """Issue a key that opens the same; the old one goes on for `overlap_hours`."""
    now = resources.clock.now()
    async with _changing(resources) as connection:
        key, secret = await issuing.rotate(
            connection, key_id, body, kind=_kind(resources), actor=actor.id, now=now
        )
    parts_of(request).partner_keys.forget()
    _tell(f"issued in place of {key_id}", key, actor=actor.id, reason=body.reason)
    return _shown_once(key, secret, now=now, response=response)


@router.post("/{key_id}/revoke")
async def revoke_key(
    key_id: PathId, body: RevokeKey, actor: ActorDep, *, request: Request, resources: ResourcesDep
) -> KeyView:
    """End a key: at once here, within 5 s at every other gateway."""
    now = resources.clock.now()
    async with _changing(resources) as connection:
        key = await issuing.revoke(connection, key_id, reason=body.reason, actor=actor.id, now=now)
    parts_of(request).partner_keys.forget()
    _tell("revoked", key, actor=actor.id, reason=body.reason)
    return KeyView.of(key, now=now)


@asynccontextmanager
async def _changing(resources: Resources) -> AsyncIterator[Connection]:
    async with resources.database.pool.acquire() as connection, connection.transaction():
        yield connection


def _kind(resources: Resources) -> Kind:
    return "live" if resources.settings.environment == "production" else "test"


def _shown_once(key: PartnerKey, secret: str, *, now: datetime, response: Response) -> IssuedKey:
    response.headers["Cache-Control"] = "no-store"
    return IssuedKey(**KeyView.of(key, now=now).model_dump(), key=secret)


def _tell(what: str, key: PartnerKey, *, actor: str, reason: str) -> None:
    log.info(
        "partner key %s of %s was %s",
        *(key.id, key.partner, what),
        extra={"actor": actor, "reason": reason, "partner": key.partner, "key_id": key.id},
    )
