"""yprov-inspect: look at what was recorded, one subcommand a module in `cli/inspections/`."""

from __future__ import annotations

import sys
from collections.abc import Collection
from importlib import import_module

import typer

from yprov_run.cli.common import Version
from yprov_run.cli.shell import execute
from yprov_run.cli.teaching import examples

_EPILOG = examples(
    ("yprov-inspect list --since 7d", "the jobs of this week"),
    ("yprov-inspect show 4711", "one of them"),
    ("yprov-inspect diff 4711 4712", "what is different in the next"),
)

# In the order in which help lists them: name, module, function, examples.
_SUBCOMMANDS = (
    ("list", "list_jobs", examples(
        ("yprov-inspect list --since 7d --state failed", "what failed this week"),
        ("yprov-inspect list --tag run=base --where 'energy>1M' --sort -energy",
         "more than a megajoule, the most first"),
        ("yprov-inspect list --csv /scratch/project/yprov", "every field, for a spreadsheet"),
    )),
    ("show", "show", examples(
        ("yprov-inspect show 4711", "the summary, as at the end of the job"),
        ("yprov-inspect show 4711 --gpus", "each GPU, the least used first"),
        ("yprov-inspect show yprov/train_4711 --packages --json", "a table for a program"),
    )),
    ("diff", "diff", examples(
        ("yprov-inspect diff 4711 4712", "what changed between two jobs"),
        ("yprov-inspect diff 4711 4712 --all", "also node names, times and the like"),
    )),
    ("watch", "watch", examples(
        ("yprov-inspect watch 4711", "live; q ends it"),
        ("yprov-inspect watch --once 4711", "one look, for a log"),
    )),
    ("rerun", "rerun", examples(
        ("yprov-inspect rerun 4711", "print the commands, and warn of what differs today"),
        ("yprov-inspect rerun 4711 --step 0 --execute", "run the first one again"),
    )),
    ("export", "export", examples(
        ("yprov-inspect export 4711 --plot --quantity gpu_power -o power.svg", "for a paper"),
        ("yprov-inspect export 4711 --graph -o graph.svg", "what came of what"),
        ("yprov-inspect export other.json --format provn", "anybody's PROV-JSON as PROV-N"),
    )),
    ("check", "check", examples(
        ("yprov-inspect check 4711", "is it valid, and true of the files beside it?"),
        ("yprov-inspect check --family other.json", "could the yProv family read this one?"),
    )),
    ("sensors", "sensors", examples(
        ("yprov-inspect sensors", "what this machine offers to measure"),
        ("srun -n 1 --gpus=1 yprov-inspect sensors", "what a compute node offers"),
    )),
)  # fmt: skip
NAMES = tuple(name for name, _, _ in _SUBCOMMANDS)


def make_app(names: Collection[str] = NAMES) -> typer.Typer:
    """Return the command line with these subcommands; only their modules are imported."""
    app = typer.Typer(
        rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )  # fmt: skip
    app.callback(epilog=_EPILOG)(inspect)
    for name, function, epilog in _SUBCOMMANDS:
        if name in names:
            module = import_module(f"yprov_run.cli.inspections.{function}")
            app.command(name, epilog=epilog)(getattr(module, function))
    return app


def inspect(
    version: Version = None,
) -> None:
    """Look at jobs and their documents; nothing is changed."""
    del version


def main() -> None:
    """Run the command line; a subcommand's exit status is this program's."""
    asked = sys.argv[1:2]
    # Each subcommand's modules take as long to import as it takes itself: not those of the others.
    app = make_app(asked if asked and asked[0] in NAMES else NAMES)
    status = execute(app, "yprov-inspect", whole=make_app)
    if isinstance(status, int):
        sys.exit(status)
