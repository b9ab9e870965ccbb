"""`tandem partner-key`: keys with which partners send their events and read them back."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tandem.client import segment
from tandem.session import (
    CursorOption,
    JsonOption,
    TokenOption,
    UrlOption,
    gateway_session,
    given,
    say_json,
    say_page,
    screen,
)

_PATH = "/v1/partner-keys"
_ROLES = ("admin",)
_COLUMNS = ("id", "partner", "sources", "state", "expires_at", "last_used_at", "replaced_by")
_AUDIT_COLUMNS = ("at", "actor", "action", "key_id", "partner", "reason")

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Public id, as `list` shows it.")]
DaysOption = Annotated[int, typer.Option("--days", help="Days until the key expires.")]
ReasonOption = Annotated[str, typer.Option(help="Kept for the audit.")]

partner_keys = typer.Typer(
    no_args_is_help=True,
    help="Keys of partners. Each is shown once and kept as a hash. See docs/guides/send-events.md.",
)


@partner_keys.command(
    epilog="Example: tandem partner-key issue webshop --source /partners/webshop --days 90"
)
def issue(
    partner: Annotated[str, typer.Argument(help="Short name; its keys share one quota.")],
    *,
    source: Annotated[list[str], typer.Option(help="Source that it speaks for; repeatable.")],
    type_: Annotated[
        list[str] | None,
        typer.Option("--type", help="Full event type that it may send; repeatable; else all."),
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="events:publish or events:read; repeatable; else both."),
    ] = None,
    days: DaysOption = 365,
    reason: ReasonOption = "issued from the command line",
    json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Issue a key. It is printed now and never again."""
    body = given(types=type_ or None, scopes=scope or None) | {
        "partner": partner,
        "sources": source,
        "expires_in_days": days,
        "reason": reason,
    }
    with gateway_session(url, token, roles=_ROLES) as gateway:
        _say_issued(gateway.post(_PATH, body), json=json)


@partner_keys.command("list", epilog="Example: tandem partner-key list --partner webshop")
def list_keys(
    *,
    partner: Annotated[str | None, typer.Option(help="Of this partner.")] = None,
    cursor: CursorOption = None,
    json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """List keys, oldest first, also those that ended."""
    with gateway_session(url, token, roles=_ROLES) as gateway:
        page = gateway.get(_PATH, given(partner=partner, cursor=cursor))
    say_page(page, _COLUMNS, json=json, empty="No key was issued yet.")


@partner_keys.command(epilog="Example: tandem partner-key rotate 4fz81kq0w2mx --overlap-hours 48")
def rotate(
    key_id: IdArgument,
    *,
    overlap_hours: Annotated[
        int, typer.Option(min=0, max=720, help="How long the old key goes on.")
    ] = 24,
    days: DaysOption = 365,
    reason: ReasonOption = "rotated from the command line",
    json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Issue a key that opens the same; the old one goes on for a while."""
    body = {"overlap_hours": overlap_hours, "expires_in_days": days, "reason": reason}
    with gateway_session(url, token, roles=_ROLES) as gateway:
        _say_issued(gateway.post(f"{_PATH}/{segment(key_id)}/rotate", body), json=json)


@partner_keys.command(epilog='Example: tandem partner-key revoke 4fz81kq0w2mx --reason "leaked"')
def revoke(
    key_id: IdArgument,
    *,
    reason: ReasonOption,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """End a key at once."""
    with gateway_session(url, token, roles=_ROLES) as gateway:
        key = gateway.post(f"{_PATH}/{segment(key_id)}/revoke", {"reason": reason})
    screen().print(f"Key {key['id']} of {key['partner']} was revoked at {key['revoked_at']}.")


@partner_keys.command(epilog="Example: tandem partner-key audit 4fz81kq0w2mx")
def audit(
    key_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="One key; else all.")] = None,
    *,
    cursor: CursorOption = None,
    json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Who issued, rotated and revoked which key, when and why."""
    with gateway_session(url, token, roles=_ROLES) as gateway:
        page = gateway.get(f"{_PATH}/audit", given(key_id=key_id, cursor=cursor))
    say_page(page, _AUDIT_COLUMNS, json=json, empty="Nothing was done yet.")


def _say_issued(key: dict[str, Any], *, json: bool) -> None:
    """The key alone on standard output, for scripts; what a person wants to know beside it."""
    if json:
        say_json(key)
        return
    notes = screen(stderr=True)
    notes.print(f"Key {key['id']} of {key['partner']}, until {key['expires_at']}.")
    notes.print("Keep it now: it is not shown again.")
    typer.echo(key["key"])
