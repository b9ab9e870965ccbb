"""The `tandem` command: the face of a local stack, and a client of the gateway's public API."""

import typer

from tandem.commands import demo, diagnose, quality
from tandem.commands.events import events
from tandem.commands.imports import imports
from tandem.commands.kpi_definitions import kpis
from tandem.commands.parked import parked
from tandem.commands.partner_keys import partner_keys
from tandem.commands.period import period
from tandem.commands.rebuild import rebuild
from tandem.commands.stack import EPILOG_DOWN, EPILOG_STATUS, EPILOG_UP, down, status, up
from tandem.commands.token import EPILOG as EPILOG_TOKEN
from tandem.commands.token import token
from tandem.commands.topics import topics

EPILOG = """
Exit codes: 0 done, 1 refused, 2 wrong use or cannot start, 3 rows refused, 4 no gateway.
Each command has examples: tandem COMMAND --help
"""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Sales and operations on one event stream, with KPIs that explain themselves.",
    epilog=EPILOG,
)
app.command(epilog=EPILOG_UP)(up)
app.command(epilog=EPILOG_DOWN)(down)
app.command(epilog=EPILOG_STATUS)(status)
app.command(epilog=EPILOG_TOKEN)(token)
app.add_typer(topics, name="topics")
app.command(epilog=demo.EPILOG)(demo.demo)
app.add_typer(imports, name="import")
app.add_typer(kpis, name="kpi")
app.command("diagnose", epilog=diagnose.EPILOG)(diagnose.diagnose)
app.command("coverage", epilog=quality.COVERAGE_EPILOG)(quality.show_coverage)
app.command("quality", epilog=quality.QUALITY_EPILOG)(quality.show_quality)
app.add_typer(rebuild, name="rebuild")
app.add_typer(period, name="period")
app.add_typer(parked, name="parked")
app.add_typer(events, name="events")
app.add_typer(partner_keys, name="partner-key")

if __name__ == "__main__":
    app()
