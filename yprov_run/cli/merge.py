"""yprov-merge: fold what was recorded for a job into one document, at any time, anywhere."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from yprov_run.cli.common import JobsFolder, Quiet, Version
from yprov_run.cli.complain import complain
from yprov_run.cli.completing import jobs
from yprov_run.cli.fold import fold, fold_campaign
from yprov_run.cli.inspections.check import check
from yprov_run.cli.progress import Progress
from yprov_run.cli.reporting import write_campaign
from yprov_run.cli.shell import execute
from yprov_run.cli.teaching import examples
from yprov_run.errors import MISUSE, YprovError
from yprov_run.finding import find_job
from yprov_run.jobdir import JobDir, campaign_document, campaign_file
from yprov_run.model import Gap
from yprov_run.report.terminal import make_console, print_summary
from yprov_run.report.words import plain


class Level(str, Enum):
    """How much stands in the document itself; tables beside it have the rest."""

    full = "full"
    gpu = "gpu"
    node = "node"


# Our own page and document of several jobs, which `yprov/*` names as well.
_TOGETHER = {campaign_file(Path()).name, campaign_document(Path()).parent.name}

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
    wanted = [reference for reference in jobs if Path(reference).name not in _TOGETHER]
    if not wanted:
        raise YprovError(f"{jobs[0]}: made of several jobs, which are merged by naming them again")
    merged: list[JobDir] = []
    left_out = []
    for reference in wanted:
        try:
            job_dir = find_job(reference, directory)
            if all(job_dir.path != other.path for other in merged):  # named twice, it is still one
                _merge(job_dir, detail, not no_report, quiet)
                merged.append(job_dir)
        except YprovError as error:  # the others have documents all the same
            complain("yprov-merge", str(error))
            left_out.append(Gap(reference, f"left out: {error}"))
    if len(merged) > 1:
        together = fold_campaign(merged, left_out)
        if not quiet:
            print(f"together    {plain(str(together))}")
    if len(merged) > 1 and not no_report:
        page = write_campaign(merged)
        if page is not None and not quiet:
            print(f"campaign    {plain(str(page))}")
    if left_out:
        raise typer.Exit(MISUSE)


def _merge(job_dir: JobDir, detail: Level | None, with_report: bool, quiet: bool) -> None:
    """Merge a job and show its summary. Raises YprovError."""
    with Progress("merging", wanted=not quiet) as progress:
        known = fold(job_dir, with_report, None if detail is None else detail.value, progress.show)
    if not quiet:
        report = job_dir.report if with_report else None
        print_summary(known, job_dir.document, make_console(stream_is_stderr=False), report)


def main() -> None:
    """Run the command line; it fails where --check finds a fault, or a job cannot be merged."""
    status = execute(app, "yprov-merge")
    if isinstance(status, int):
        sys.exit(status)
