"""yprov-inspect show: a job's summary, or a part of it as a table."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from yprov_run.cli.common import JobReference, JobsFolder
from yprov_run.cli.reporting import overview_of
from yprov_run.merge.read import read_job
from yprov_run.report.columns import Cell, Column, print_columns
from yprov_run.report.listing import row
from yprov_run.report.reading import Document, document_of, find
from yprov_run.report.terminal import make_console, print_summary
from yprov_run.report.views import VIEWS, view_rows

_Flag = typer.Option


def show(
    job: JobReference,
    directory: JobsFolder = Path("yprov"),
    nodes: Annotated[bool, _Flag("--nodes", help="Each node, the least used first.")] = False,
    gpus: Annotated[bool, _Flag("--gpus", help="Each GPU, the least used first.")] = False,
    files: Annotated[bool, _Flag("--files", help="Files read and written.")] = False,
    env: Annotated[bool, _Flag("--env", help="Variables of the environment.")] = False,
    modules: Annotated[bool, _Flag("--modules", help="Environment modules.")] = False,
    packages: Annotated[bool, _Flag("--packages", help="Software of the program.")] = False,
    timeline: Annotated[bool, _Flag("--timeline", help="What started and ended when.")] = False,
    as_json: Annotated[
        bool, _Flag("--json", help="As JSON: the tables, or what list has of it.")
    ] = False,
) -> None:
    """Show a job's summary, or the parts of it that are asked for."""
    asked = {"nodes": nodes, "gpus": gpus, "files": files, "env": env, "modules": modules,
             "packages": packages, "timeline": timeline}  # fmt: skip
    found = find(job, directory)
    console = make_console(stream_is_stderr=False)
    chosen = [name for name, wanted in asked.items() if wanted]
    if not chosen and not as_json and found.is_ours():
        print_summary(overview_of(read_job(found)), found.document, console, found.report)
        return
    document = document_of(found)
    if as_json:
        print(_json(document, found.path, chosen))
        return
    if not chosen:
        rows = [[Cell(name), Cell(str(text))] for name, text in row(document).items()]
        print_columns(console, (Column("field"), Column("value", flexible=True)), rows)
        return
    for name in chosen:
        view = VIEWS[name](document, found.path)
        if view.rows:
            print_columns(console, view.columns, view.rows)
        else:
            print(view.empty, file=sys.stderr)


def _json(document: Document, folder: Path, chosen: Sequence[str]) -> str:
    """Return the job's row as `list` has it, a part's rows, or each part's by its name."""
    if not chosen:
        return json.dumps({**row(document), "directory": folder.name}, indent=1)
    parts = {name: view_rows(VIEWS[name](document, folder)) for name in chosen}
    return json.dumps(parts[chosen[0]] if len(parts) == 1 else parts, indent=1)
