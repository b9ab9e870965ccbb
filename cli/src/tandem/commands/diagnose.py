"""`tandem diagnose`: why results fell, as a person would want to read it."""

from __future__ import annotations

from typing import Annotated

import typer

from tandem.commands.kpi import LanguageOption
from tandem.session import JsonOption, TokenOption, UrlOption, gateway_session, say_json, screen

_ROLES = ("boss",)

EPILOG = """
Examples:

  tandem diagnose 2026-Q3

  tandem diagnose 2026-10 --scope region:north --lang zh

  tandem diagnose 2026-Q3 --lens profit

  tandem diagnose 2026-Q3 --baseline unseasonal --as-of 2026-10-15

How to read it: docs/guides/diagnosis.md.

Exit codes: 0 printed, 1 refused by the gateway, 2 wrong use, 4 gateway not reached.
"""


def diagnose(
    period: Annotated[str, typer.Argument(help="2026, 2026-Q3 or 2026-10.")],
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="dimension:value, such as region:north; may be repeated."),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            help="Compare with year_ago; the period before: seasonal (by the season in the "
            "rules) or unseasonal; or plan (targets, names nobody). Default: the first of the "
            "first three that there is."
        ),
    ] = None,
    lens: Annotated[
        str | None,
        typer.Option(help="revenue, or profit: less acquisition and operating costs."),
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Only what was known on this day or at this instant.")
    ] = None,
    lang: LanguageOption = "en",
    json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Say why revenue of a period fell: sales, operations, the market; or that nobody can say."""
    asked = {
        "period": period,
        "scope": scope,
        "baseline": baseline,
        "lens": lens,
        "as_of": as_of,
    }
    with gateway_session(url, token, roles=_ROLES) as gateway:
        answer = gateway.get(
            "/v1/diagnosis", {name: value for name, value in asked.items() if value}
        )
    if json:
        say_json(answer)
    else:
        sentence, _, reasons = answer["report"][lang].partition("\n\n")
        # Chinese has no spaces to wrap at: the terminal does it.
        screen().print(sentence, soft_wrap=lang == "zh", end="\n\n")
        # Ready text with columns of its own: not wrapped.
        screen().print(reasons, soft_wrap=True, end="")
