"""`tandem demo`: eighteen months of a small company, and one live story."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

import typer

from tandem.demo.company import World
from tandem.demo.live import live_story
from tandem.local_stack import demo_until
from tandem.progress import StepProgress
from tandem.session import ExitCode, TokenOption, UrlOption, fail, gateway_session, screen

_ROLES = ("importer", "partner")

EPILOG = """
Examples:

  tandem demo                 send the history (again: nothing is doubled)

  tandem demo --live          win one deal and watch its KPI being pushed

  tandem demo --seed 3        another company
"""


def demo(
    *,
    seed: Annotated[int, typer.Option(help="Another seed is another history.")] = 7,
    time_zone: Annotated[str, typer.Option(help="Zone the company lives in.")] = "Asia/Shanghai",
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last day; default: the day before the first run."),
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Only play the live story.")] = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Import the history of a demo company, whose bad quarter has a known cause."""
    from tandem.demo.play import play  # noqa: PLC0415  brings the events' contracts along
    from tandem.importing.command import print_tallies  # noqa: PLC0415
    from tandem.importing.patience import PatientGateway  # noqa: PLC0415

    if time_zone not in available_timezones():
        fail(f"{time_zone!r} is no IANA time zone; write one like Asia/Shanghai", ExitCode.UNUSABLE)
    zone = ZoneInfo(time_zone)
    console = screen()
    with gateway_session(url, token, roles=_ROLES) as gateway:
        if live:
            live_story(gateway, console.print)
            return
        last_on = until.date() if until else demo_until(datetime.now(zone).date())
        world = World.ending(last_on, zone=zone, seed=seed)
        with StepProgress(console) as progress:
            tallies = list(play(world, PatientGateway(gateway, progress)))
    print_tallies(console, tallies, title=f"History from {world.first_on} to {world.last_on}")
    bad_start, bad_end = world.bad_quarter
    bad = f"{bad_start.year}-Q{(bad_start.month + 2) // 3}"
    year_before = bad_start.replace(year=bad_start.year - 1)
    console.print(
        f"The bad quarter is {bad}: the referral programme had been paused. Look:\n"
        f"  tandem diagnose {bad}\n"
        f"  tandem kpi revenue_net --grain quarter --from {year_before} --to {bad_end}\n"
        f"  tandem kpi win_rate --period {bad} --by channel --lang zh\n"
        f"  tandem demo --live",
        highlight=False,
    )
    if any(tally.refusals for tally in tallies):
        raise typer.Exit(ExitCode.ROWS_REFUSED)
