"""`tandem parked`: events that could not be applied, and what to do with them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tandem.client import segment
from tandem.session import (
    CursorOption,
    ExitCode,
    JsonOption,
    TokenOption,
    UrlOption,
    fail,
    gateway_session,
    given,
    say_json,
    say_page,
    screen,
)

_ROLES = ("sre",)
_COLUMNS = ("id", "topic", "type", "subject", "reason", "parked_at")
_AUDIT_COLUMNS = ("at", "actor", "action", "parked_id", "event_id", "reason")
_STOPPED_COLUMNS = ("service", "consumer", "topic", "partition", "next_offset", "reason")

IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="Id of the parked event, as `list` shows it.")
]
ChosenArgument = Annotated[
    str | None,
    typer.Argument(metavar="[ID]", help="One event, as `list` shows it; else all that match."),
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        help="name=value, repeatable: topic, as (undecodable, schema, unprocessable, gap, held), "
        "subject, source, type, consumer, before (an instant).",
    ),
]
_WHERE = {
    "topic": "topic",
    "as": "parked_as",
    "subject": "subject",
    "source": "source",
    "type": "type",
    "consumer": "consumer",
    "before": "parked_before",
}
ServiceOption = Annotated[str | None, typer.Option(help="Of this service: metrics, ops, …")]
LimitOption = Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, oldest first.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do it; without, they are only counted.")]

parked = typer.Typer(
    no_args_is_help=True,
    help="Events that could not be applied. They hold back later events of the same key, "
    "and nothing else. See docs/guides/parked-events.md.",
)


@parked.command("list", epilog="Example: tandem parked list --service metrics --where as=schema")
def list_parked(
    *,
    service: ServiceOption = None,
    where: WhereOption = None,
    cursor: CursorOption = None,
    json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """List parked events, oldest first."""
    chosen = _filters(where)
    kind = chosen.pop("parked_as", None)
    asked = chosen | given(service=service, reason=kind, cursor=cursor)
    with gateway_session(url, token, roles=_ROLES) as gateway:
        page = gateway.get("/v1/parked", asked)
    say_page(page, _COLUMNS, json=json, empty="Nothing is parked.")


@parked.command(epilog="Example: tandem parked show metrics:17")
def show(parked_id: IdArgument, *, url: UrlOption = None, token: TokenOption = None) -> None:
    """Show one parked event whole, with its reason and how to mend it."""
    with gateway_session(url, token, roles=_ROLES) as gateway:
        say_json(gateway.get(f"/v1/parked/{segment(parked_id)}"))


@parked.command(epilog="Example: tandem parked release --service metrics --where as=schema --yes")
def release(
    parked_id: ChosenArgument = None,
    *,
    reason: Annotated[
        str, typer.Option(help="Why it will work now; kept for the audit.")
    ] = "tried again from the command line",
    service: ServiceOption = None,
    where: WhereOption = None,
    limit: LimitOption = 1_000,
    yes: YesOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Try one event again, or all of a service that match, then those that waited behind them."""
    body = {**_filters(where), "reason": reason, "limit": limit, "dry_run": not yes}
    _decide("release", parked_id, service, body=body, url=url, token=token)


@parked.command(epilog='Example: tandem parked discard metrics:17 --reason "sent by a test"')
def discard(
    parked_id: ChosenArgument = None,
    *,
    reason: Annotated[str, typer.Option(help="Why it will never count; kept for the audit.")],
    service: ServiceOption = None,
    where: WhereOption = None,
    limit: LimitOption = 1_000,
    yes: YesOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Give one event up for good, or all of a service that match; those behind it go on."""
    body = {**_filters(where), "reason": reason, "limit": limit, "dry_run": not yes}
    _decide("discard", parked_id, service, body=body, url=url, token=token)


@parked.command(epilog="Example: tandem parked audit metrics:17")
def audit(
    parked_id: ChosenArgument = None,
    *,
    service: ServiceOption = None,
    cursor: CursorOption = None,
    json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Who decided what about parked events, when and why."""
    path = f"/v1/parked/{segment(parked_id)}/audit" if parked_id else "/v1/parked/audit"
    with gateway_session(url, token, roles=_ROLES) as gateway:
        page = gateway.get(path, given(service=service, cursor=cursor))
    say_page(page, _AUDIT_COLUMNS, json=json, empty="Nothing was decided yet.")


@parked.command(epilog="Example: tandem parked stopped")
def stopped(*, json: JsonOption = False, url: UrlOption = None, token: TokenOption = None) -> None:
    """List partitions that stand still because too much in them was rejected."""
    with gateway_session(url, token, roles=_ROLES) as gateway:
        page = gateway.get("/v1/parked/stopped")
    say_page(page, _STOPPED_COLUMNS, json=json, empty="No partition is stopped.")


@parked.command(epilog='Example: tandem parked resume metrics partner 2 --reason "1.4.2 is out"')
def resume(
    service: Annotated[str, typer.Argument(help="metrics, ops or pipeline.")],
    topic: Annotated[str, typer.Argument()],
    partition: Annotated[int, typer.Argument(min=0)],
    *,
    reason: Annotated[str, typer.Option(help="What was mended; kept for the audit.")],
    consumer: Annotated[str | None, typer.Option(help="Default: the service's name.")] = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Let a stopped partition go on; if nothing was mended it stops again."""
    body = {
        "consumer": consumer or service,
        "topic": topic,
        "partition": partition,
        "reason": reason,
    }
    with gateway_session(url, token, roles=_ROLES) as gateway:
        gateway.post(f"/v1/parked/stopped/resume?service={segment(service)}", body)
    screen().print(f"{topic}/{partition} of {service} goes on.")


def _filters(where: list[str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for condition in where or ():
        name, sign, value = condition.partition("=")
        if not sign or name not in _WHERE:
            fail(f"--where {condition}: write name=value, {', '.join(_WHERE)}", ExitCode.UNUSABLE)
        found[_WHERE[name]] = value
    return found


def _decide(
    act: str,
    parked_id: str | None,
    service: str | None,
    *,
    body: dict[str, Any],
    url: str | None,
    token: str | None,
) -> None:
    with gateway_session(url, token, roles=_ROLES) as gateway:
        if parked_id is not None:
            path = f"/v1/parked/{segment(parked_id)}/{act}"
            answer = gateway.post(path, {"reason": body["reason"]})
            said = "will be tried again" if act == "release" else "is discarded"
            screen().print(f"{(answer or {}).get('id', parked_id)} {said}.")
            return
        if service is None:
            fail("give an ID, or --service and what to match", ExitCode.UNUSABLE)
        answer = gateway.post(f"/v1/parked/{act}?service={segment(service)}", body)
    if answer["dry_run"]:
        screen().print(f"{answer['matched']} match; add --yes to {act} them.")
    else:
        screen().print(f"{act}: {answer['requested']} of {answer['matched']}.")
