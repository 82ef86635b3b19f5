"""yprov-inspect: look at what was recorded, one subcommand a module in `cli/inspections/`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from yprov_run.cli.inspections.check import check
from yprov_run.cli.inspections.diff import diff
from yprov_run.cli.inspections.export import export
from yprov_run.cli.inspections.list_jobs import list_jobs
from yprov_run.cli.inspections.rerun import rerun
from yprov_run.cli.inspections.sensors import sensors
from yprov_run.cli.inspections.show import show
from yprov_run.cli.inspections.watch import watch
from yprov_run.cli.shell import execute, show_version

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def inspect(
    version: Annotated[
        bool | None,
        typer.Option("--version", callback=show_version, is_eager=True, help="Show the version."),
    ] = None,
) -> None:
    """Look at jobs and their documents; nothing is changed."""
    del version


app.command("list")(list_jobs)
app.command("show")(show)
app.command("diff")(diff)
app.command("watch")(watch)
app.command("rerun")(rerun)
app.command("export")(export)
app.command("check")(check)
app.command("sensors")(sensors)


def main() -> None:
    """Run the command line; a subcommand's exit status is this program's."""
    status = execute(app, "yprov-inspect")
    if isinstance(status, int):
        sys.exit(status)
