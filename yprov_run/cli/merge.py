"""yprov-merge: fold what was recorded for a job into one document, at any time, anywhere."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from yprov_run.cli.common import JobsFolder, Quiet, Version
from yprov_run.cli.completing import jobs
from yprov_run.cli.fold import fold, fold_campaign
from yprov_run.cli.inspections.check import check
from yprov_run.cli.progress import Progress
from yprov_run.cli.reporting import write_campaign
from yprov_run.cli.shell import execute
from yprov_run.cli.teaching import examples
from yprov_run.finding import find_job
from yprov_run.jobdir import campaign_document, campaign_file
from yprov_run.report.terminal import make_console, print_summary
from yprov_run.report.words import plain


class Level(str, Enum):
    """How much stands in the document itself; tables beside it have the rest."""

    full = "full"
    gpu = "gpu"
    node = "node"


app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        ("yprov-merge 4711", "a job that was killed, by its id"),
        ("yprov-merge yprov/train_4711", "the same by its directory"),
        ("yprov-merge --no-report --detail node 4711", "a small document of a large job"),
        ("yprov-merge yprov/train_*", "several jobs, and a page and a document of them together"),
        ("yprov-merge --check other.json", "is it valid PROV? No job is merged"),
    ),
)
def merge(
    jobs: Annotated[
        list[str],
        typer.Argument(
            metavar="JOB_DIR|JOB_ID...",
            help="Which jobs to merge; with --check, or a file.",
            autocompletion=jobs,
        ),
    ],
    directory: JobsFolder = Path("yprov"),
    detail: Annotated[
        Level | None,
        typer.Option(help="What stands in the document itself. [default: by the number of GPUs]"),
    ] = None,
    no_report: Annotated[
        bool, typer.Option("--no-report", help="Write the document only, no report.html.")
    ] = False,
    only_check: Annotated[
        bool,
        typer.Option("--check", help="Merge nothing: check these documents, any PROV-JSON."),
    ] = False,
    quiet: Quiet = False,
    version: Version = None,
) -> None:
    """Fold all that was recorded for a job (every step, every node) into its prov.json.

    Works on a job that ended well, was killed, or still runs; as often as you like. Several jobs
    get a document together, campaign/prov.json, and a page, campaign.html.
    """
    del version
    if only_check:
        check(jobs, directory)
        return
    console = make_console(stream_is_stderr=False)
    merged = []
    for reference in jobs:
        if Path(reference).name in {
            campaign_file(Path()).name,
            campaign_document(Path()).parent.name,
        }:
            continue  # our own page and document of several jobs, which `yprov/*` names as well
        job_dir = find_job(reference, directory)
        merged.append(job_dir)
        with Progress("merging", wanted=not quiet) as progress:
            known = fold(
                job_dir, not no_report, None if detail is None else detail.value, progress.show
            )
        if not quiet:
            report = None if no_report else job_dir.report
            print_summary(known, job_dir.document, console, report)
    if len(merged) > 1:
        together = fold_campaign(merged)
        if not quiet:
            print(f"together    {plain(str(together))}")
    if len(merged) > 1 and not no_report:
        page = write_campaign(merged)
        if page is not None and not quiet:
            print(f"campaign    {plain(str(page))}")


def main() -> None:
    """Run the command line; it fails where --check finds a fault."""
    status = execute(app, "yprov-merge")
    if isinstance(status, int):
        sys.exit(status)
