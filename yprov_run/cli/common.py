"""Arguments and options that several commands have, each said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yprov_run.cli.completing import jobs
from yprov_run.cli.request import at_home
from yprov_run.cli.shell import show_version

JobReference = Annotated[
    str, typer.Argument(metavar="JOB", help="A job's directory or id.", autocompletion=jobs)
]
JobsFolder = Annotated[
    Path,
    # Whether it may be read is seen where it has to be: a job may be known by its directory.
    typer.Option(
        "--dir",
        envvar="YPROV_DIR",
        callback=at_home,
        help="Where job directories are.",
        readable=False,
    ),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print no summary.")]
Version = Annotated[
    bool | None,
    typer.Option("--version", callback=show_version, is_eager=True, help="Show the version."),
]
