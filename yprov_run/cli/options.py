"""The command line of yprov-run, as people read it: help, defaults, errors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yprov_run.cli.common import Quiet, Version
from yprov_run.cli.completing import templates
from yprov_run.cli.request import Request, at_home, checked_interval, checked_merits, checked_tags
from yprov_run.cli.teaching import examples
from yprov_run.errors import YprovError


def show_template(name: str | None) -> None:
    """Print the path of a template and end, for --template."""
    if name is not None:
        from yprov_run.templates import catalogue

        print(catalogue.path(name))
        raise typer.Exit


def refuse_init(template: str | None) -> None:
    """Tell where --init goes: it has options of its own, which another command line reads."""
    if template is not None:
        raise YprovError("--init must be the first word: yprov-run --init TEMPLATE [OPTIONS]")


app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command(
    context_settings={
        "allow_interspersed_args": False,
        "ignore_unknown_options": False,
        "help_option_names": ["-h", "--help"],
    },
    epilog=examples(
        ("yprov-run python train.py", "on this machine"),
        ("yprov-run srun -N 4 --ntasks-per-node=8 python train.py", "in a batch job, on each node"),
        (
            "yprov-run -i data/train.h5 -o checkpoints --tag run=base python train.py",
            "with what it reads and writes, and a word to find it by",
        ),
        ("yprov-run --init list", "batch scripts to start from"),
        ("yprov-run --dry-run mpirun -np 8 ./solver", "see where recording would begin"),
    ),
)
def run(
    command: Annotated[
        list[str], typer.Argument(metavar="[--] COMMAND [ARGS]...", help="What to run.")
    ],
    directory: Annotated[
        Path, typer.Option("--dir", envvar="YPROV_DIR", help="Where job directories go.")
    ] = Path("yprov"),
    name: Annotated[
        str | None,
        typer.Option(envvar="YPROV_NAME", help="The job's name. [default: the scheduler's]"),
    ] = None,
    interval: Annotated[
        float, typer.Option(envvar="YPROV_INTERVAL", help="Seconds between samples.")
    ] = 1.0,
    inputs: Annotated[
        list[str] | None,
        typer.Option("-i", "--input", help="A file, folder or glob that is read. Repeatable."),
    ] = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option("-o", "--output", help="A file, folder or glob that is written. Repeatable."),
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="KEY=VALUE", help="To find it by. Repeatable."),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option(
            "--env",
            metavar="PATTERN",
            help="Keep variables of such names too (MY_*), or `all`. Repeatable.",
        ),
    ] = None,
    merits: Annotated[
        list[str] | None,
        typer.Option(
            "--figure-of-merit",
            metavar="NAME=FILE[:PATTERN]",
            help="How much work was done: a number in a file that the program writes, or what a "
            "regular expression finds last in it. Repeatable.",
        ),
    ] = None,
    no_capture: Annotated[
        bool,
        typer.Option(
            "--no-capture",
            help="Record the launch and the nodes, and files named by -i and -o: nothing else "
            "about code, software, modules, environment or files.",
        ),
    ] = False,
    no_merge: Annotated[
        bool, typer.Option("--no-merge", help="Record only; merge later with yprov-merge.")
    ] = False,
    no_report: Annotated[
        bool, typer.Option("--no-report", help="Make the document only, no report.html.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the command that would run, and end.")
    ] = False,
    quiet: Quiet = False,
    template: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            callback=show_template,
            autocompletion=templates,
            is_eager=True,
            help="Print where a template lies: `include`, or as --init lists them.",
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            metavar="TEMPLATE",
            callback=refuse_init,
            autocompletion=templates,
            is_eager=True,
            help="Write a batch script from a template; as the first word: see --init --help.",
        ),
    ] = None,
    version: Version = None,
) -> Request:
    """Run a command exactly as it would run without this word before it, and record it.

    Options end at the first word that is not one: the command's own options are never touched.
    """
    del template, init, version
    return Request(
        argv=tuple(command),
        base=at_home(directory),
        name=name,
        interval_s=checked_interval(interval),
        inputs=tuple(inputs or ()),
        outputs=tuple(outputs or ()),
        tags=checked_tags(tags or []),
        capture=not no_capture,
        merge=not no_merge,
        report=not no_report,
        dry_run=dry_run,
        quiet=quiet,
        merits=checked_merits(merits or []),
        env=tuple(env or ()),
    )
