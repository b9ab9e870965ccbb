"""`tandem parked`: events that could not be applied, and what to do with them."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from tandem.client import segment
from tandem.session import JsonOption, TokenOption, UrlOption, gateway_session, say_json, screen

_ROLES = ("sre",)
IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="Id of the parked event, as `list` shows it.")
]

parked = typer.Typer(
    no_args_is_help=True,
    help="Events that could not be applied. They hold back later events of the same key, "
    "and nothing else. See docs/guides/parked-events.md.",
)


@parked.command("list", epilog="Example: tandem parked list --json")
def list_parked(
    *,
    cursor: Annotated[str | None, typer.Option(help="Where the last page ended.")] = None,
    json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """List parked events, oldest first."""
    with gateway_session(url, token, roles=_ROLES) as gateway:
        page = gateway.get("/v1/parked", {"cursor": cursor} if cursor else None)
    if json:
        say_json(page)
        return
    if not page["items"]:
        screen().print("Nothing is parked.")
        return
    table = Table()
    for name in ("id", "topic", "type", "subject", "reason", "parked at"):
        table.add_column(name)
    for item in page["items"]:
        table.add_row(*(str(item.get(name) or "-") for name in _COLUMNS))
    screen().print(table)
    if page.get("next_cursor"):
        screen().print(f"… more: --cursor {page['next_cursor']}")


_COLUMNS = ("id", "topic", "type", "subject", "reason", "parked_at")


@parked.command(epilog="Example: tandem parked show metrics:17")
def show(parked_id: IdArgument, *, url: UrlOption = None, token: TokenOption = None) -> None:
    """Show one parked event whole, with its reason and how to mend it."""
    with gateway_session(url, token, roles=_ROLES) as gateway:
        say_json(gateway.get(f"/v1/parked/{segment(parked_id)}"))


@parked.command(epilog="Example: tandem parked release metrics:17")
def release(
    parked_id: IdArgument,
    *,
    reason: Annotated[
        str, typer.Option(help="Why it will work now; kept for the audit.")
    ] = "tried again from the command line",
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Try the event again, then those that waited behind it, in order."""
    with gateway_session(url, token, roles=_ROLES) as gateway:
        answer = gateway.post(f"/v1/parked/{segment(parked_id)}/release", {"reason": reason})
    _say(answer, "will be tried again")


@parked.command(epilog='Example: tandem parked discard metrics:17 --reason "sent by a test"')
def discard(
    parked_id: IdArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why it will never count; kept for the audit.")],
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Give the event up for good, with a reason, and let those behind it go on."""
    with gateway_session(url, token, roles=_ROLES) as gateway:
        answer = gateway.post(f"/v1/parked/{segment(parked_id)}/discard", {"reason": reason})
    _say(answer, "is discarded")


def _say(answer: Any, what: str) -> None:
    name = (answer or {}).get("id", "the event")
    screen().print(f"{name} {what}.")
