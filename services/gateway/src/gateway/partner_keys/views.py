"""Partners' keys as administrators ask for them and see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints

from chassis.types import Code, StrictModel, Text
from gateway.partner_keys import store
from gateway.partner_keys.store import PartnerKey

Scope = Literal["events:publish", "events:read"]
State = Literal["live", "expired", "revoked"]
_SCOPES: Final[list[Scope]] = ["events:publish", "events:read"]
_MOST_SOURCES: Final = 50
_MOST_TYPES: Final = 100
_MOST_DAYS: Final = 730

KeyId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{12}$")]
Partner = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Source = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,512}$")]
Days = Annotated[int, Field(ge=1, le=_MOST_DAYS, description="days until the key expires")]
Reason = Annotated[Text, Field(description="kept for the audit")]


class IssueKey(StrictModel):
    """Whom a key is for, and what it opens."""

    partner: Partner = Field(description="short name: a-z, 0-9 and -; its keys share one quota")
    sources: Annotated[list[Source], Field(min_length=1, max_length=_MOST_SOURCES)]
    types: Annotated[list[Code], Field(min_length=1, max_length=_MOST_TYPES)] | None = Field(
        None, description="full event types that it may send; all by default"
    )
    scopes: Annotated[list[Scope], Field(min_length=1)] = _SCOPES
    expires_in_days: Days = 365
    reason: Reason


class RotateKey(StrictModel):
    """How long the old key goes on beside the new one."""

    overlap_hours: int = Field(24, ge=0, le=720)
    expires_in_days: Days = 365
    reason: Reason


class RevokeKey(StrictModel):
    """Why a key is ended."""

    reason: Reason


class KeyView(StrictModel):
    """A key without its secret."""

    id: str
    partner: str
    sources: list[str]
    types: list[str] | None
    scopes: list[str]
    state: State
    issued_at: datetime
    issued_by: str
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    replaces: str | None
    replaced_by: str | None

    @classmethod
    def of(cls, key: PartnerKey, *, now: datetime) -> Self:
        """The key as it stands at an instant."""
        state: State = "live" if key.is_live(now) else "expired"
        if key.revoked_at is not None:
            state = "revoked"
        kept = {name: getattr(key, name) for name in cls.model_fields if name != "state"}
        return cls(**kept, state=state)


class IssuedKey(KeyView):
    """A new key with its secret, which is shown this once."""

    key: str


class AuditLine(StrictModel):
    """Who did what with which key, when and why."""

    at: datetime
    action: store.Action
    key_id: str
    partner: str
    actor: str
    reason: str

    @classmethod
    def of(cls, line: store.Audited) -> Self:
        return cls(**{name: getattr(line, name) for name in cls.model_fields})
