"""`tandem events`: what partners sent, as they may read it back themselves."""

from __future__ import annotations

from typing import Annotated

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
    say_more,
    say_table,
)

_ROLES = ("partner", "sre")
_COLUMNS = ("position", "verdict", "state", "id", "type", "subject", "received_at")
_COUNTED = ("day", "source", "type", "verdict", "events")

SourceOption = Annotated[str | None, typer.Option(help="Of this CloudEvents source.")]
TypeOption = Annotated[str | None, typer.Option("--type", help="Of this full event type.")]
VerdictOption = Annotated[str | None, typer.Option(help="accepted, conflict or rejected.")]
SinceOption = Annotated[
    str | None, typer.Option("--from", help="Received from this instant on: 2026-11-20T10:00:00Z.")
]

events = typer.Typer(
    no_args_is_help=True,
    help="Partners' events: what was taken, what was refused and why. "
    "See docs/guides/send-events.md.",
)


@events.command("list", epilog="Example: tandem events list --verdict rejected")
def list_events(
    *,
    source: SourceOption = None,
    type_: TypeOption = None,
    verdict: VerdictOption = None,
    since: SinceOption = None,
    cursor: CursorOption = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """List events in the order in which they came."""
    asked = given(
        source=source,
        type=type_,
        verdict=verdict,
        received_from=since,
        cursor=cursor,
        limit=limit,
    )
    with gateway_session(url, token, roles=_ROLES) as gateway:
        page = gateway.get("/v1/events", asked)
        # A page may be empty and have more, where the filter passed over many.
        while page["more"] and not page["items"]:
            page = gateway.get("/v1/events", asked | {"cursor": page["next_cursor"]})
    if json:
        say_json(page)
        return
    rows = [item | (item.get("event") or {}) for item in page["items"]]
    say_table(rows, _COLUMNS, empty="Nothing came.")
    say_more(page["next_cursor"] if page["more"] else None)


@events.command(epilog="Example: tandem events show evt-1 --source /partners/webshop")
def show(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="The id that its sender gave it.")],
    *,
    source: SourceOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show one event whole, or why it was refused."""
    with gateway_session(url, token, roles=_ROLES) as gateway:
        say_json(gateway.get(f"/v1/events/{segment(event_id)}", given(source=source)))


@events.command(epilog="Example: tandem events counts --by received --from 2026-11-01")
def counts(
    *,
    by: Annotated[str, typer.Option(help="occurred (the event's time) or received.")] = "occurred",
    first: Annotated[str | None, typer.Option("--from", help="First day.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="The day after the last.")] = None,
    source: SourceOption = None,
    json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Count events by day, type and verdict, to compare with a partner's own books."""
    asked = given(by=by, **{"from": first, "to": end}, source=source)
    with gateway_session(url, token, roles=_ROLES) as gateway:
        found = gateway.get("/v1/events/counts", asked)
    if json:
        say_json(found)
        return
    say_table(found["items"], _COUNTED, empty="Nothing came.")
