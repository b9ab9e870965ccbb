"""What an administrator does with keys: issue, rotate, revoke; each in one transaction."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from chassis.errors import Conflict, Invalid, NotFound
from events import Connection
from events.types import EVENT_TYPES
from gateway.partner_keys import store
from gateway.partner_keys.secret import Kind, hash_of, new_id, new_key
from gateway.partner_keys.store import PartnerKey
from gateway.partner_keys.views import IssueKey, RotateKey

_OURS: Final = "/tandem/"


class PartnerKeyNotFound(NotFound):
    """No key has this id."""

    title = "partner key not found"


class EventTypeUnknown(Invalid):
    """Partners send no events of this type."""

    title = "no event type of partners"


class SourceOfTheHouse(Invalid):
    """Only our own services speak for it."""

    title = "the source is the house's own"


class SourceOfAnotherPartner(Conflict):
    """Two partners with one source would read each other's events."""

    title = "another partner has this source"


class PartnerKeyEnded(Conflict):
    """What is revoked or expired cannot be rotated."""

    title = "partner key ended"


class PartnerKeyReplaced(Conflict):
    """A key has one successor, so that at most two of a line are live."""

    title = "partner key rotated before"


async def issue(
    connection: Connection, wanted: IssueKey, *, kind: Kind, actor: str, now: datetime
) -> tuple[PartnerKey, str]:
    """A new key, and its secret. Raises what refuses the body."""
    _refuse_types(wanted.types or [])
    _refuse_house_sources(wanted.sources)
    await store.one_at_a_time(connection)
    other = await store.other_holder(connection, wanted.partner, wanted.sources, now=now)
    if other is not None:
        raise SourceOfAnotherPartner(
            f"{other} has a live key for one of these sources",
            field="sources",
            hint="give each partner sources of its own, or revoke the other key first",
        )
    key, secret = _made(
        PartnerKey(
            id=new_id(),
            partner=wanted.partner,
            hash=b"",
            sources=sorted(set(wanted.sources)),
            types=None if wanted.types is None else sorted(set(wanted.types)),
            scopes=sorted(set(wanted.scopes)),
            replaces=None,
            replaced_by=None,
            issued_at=now,
            issued_by=actor,
            expires_at=now + timedelta(days=wanted.expires_in_days),
            revoked_at=None,
            last_used_at=None,
        ),
        kind,
    )
    await store.insert(connection, key)
    await store.audit(connection, "issue", key.id, at=now, actor=actor, reason=wanted.reason)
    return key, secret


async def rotate(
    connection: Connection,
    key_id: str,
    wanted: RotateKey,
    *,
    kind: Kind,
    actor: str,
    now: datetime,
) -> tuple[PartnerKey, str]:
    """A new key that opens the same; the old one goes on for the overlap.

    Raises PartnerKeyNotFound, PartnerKeyEnded, PartnerKeyReplaced.
    """
    await store.one_at_a_time(connection)
    old = await found(connection, key_id)
    if not old.is_live(now):
        raise PartnerKeyEnded("the key is revoked or expired", hint="issue a new one")
    if old.replaced_by is not None:
        raise PartnerKeyReplaced(
            f"the key was rotated before, to {old.replaced_by}",
            hint="rotate that one, or revoke it and issue a new one",
        )
    key, secret = _made(
        replace(
            old,
            id=new_id(),
            replaces=old.id,
            issued_at=now,
            issued_by=actor,
            expires_at=now + timedelta(days=wanted.expires_in_days),
            last_used_at=None,
        ),
        kind,
    )
    await store.insert(connection, key)
    await store.end_by(connection, old.id, now + timedelta(hours=wanted.overlap_hours))
    await store.audit(connection, "rotate", old.id, at=now, actor=actor, reason=wanted.reason)
    return key, secret


async def revoke(
    connection: Connection, key_id: str, *, reason: str, actor: str, now: datetime
) -> PartnerKey:
    """End a key at once; a second time changes nothing. Raises PartnerKeyNotFound."""
    await store.one_at_a_time(connection)
    key = await found(connection, key_id)
    if key.revoked_at is not None:
        return key
    await store.revoke(connection, key_id, now)
    await store.audit(connection, "revoke", key_id, at=now, actor=actor, reason=reason)
    return await found(connection, key_id)


async def found(connection: Connection, key_id: str) -> PartnerKey:
    """Raises PartnerKeyNotFound."""
    key = await store.find(connection, key_id)
    if key is None:
        raise PartnerKeyNotFound("no key has this id", hint="list /v1/partner-keys")
    return key


def _made(key: PartnerKey, kind: Kind) -> tuple[PartnerKey, str]:
    secret = new_key(key.id, kind=kind)
    return replace(key, hash=hash_of(secret)), secret


def _refuse_types(types: list[str]) -> None:
    for index, name in enumerate(types):
        cls = EVENT_TYPES.get(name)
        if cls is None or not cls.from_partners:
            raise EventTypeUnknown(
                "partners send no events of this type",
                field=f"types.{index}",
                hint="write it whole, as com.tandem.partner.order.paid.v1; see /docs/events",
            )


def _refuse_house_sources(sources: list[str]) -> None:
    for index, source in enumerate(sources):
        if source.startswith(_OURS):
            raise SourceOfTheHouse(
                f"sources below {_OURS} are ours",
                field=f"sources.{index}",
                hint="choose one as /partners/webshop",
            )
