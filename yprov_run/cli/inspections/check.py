"""yprov-inspect check: is a document valid PROV, and true of the files beside it?"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from yprov_run.cli.collector import without_collector
from yprov_run.cli.common import JobsFolder
from yprov_run.cli.completing import jobs
from yprov_run.cli.plain import plain
from yprov_run.cli.progress import Progress
from yprov_run.errors import YprovError
from yprov_run.finding import find_documented, is_plain_file
from yprov_run.provenance.check import findings, is_ours, parse
from yprov_run.provenance.rules.findings import Finding, Rule
from yprov_run.provenance.rules.sidefiles import check_side_files
from yprov_run.report.words import count

_SHOWN = 100
_LARGEST_BYTES = 2 << 30
_WHOSE: dict[Rule, str] = {
    "PROV": "by the rules of PROV",
    "family": "by the rules of the yProv family",
    "terms": "by the ranges of our terms",
    "files": "in the files beside it",
}


def check(
    documents: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|JOB_DIR|JOB_ID...",
            help="PROV-JSON, ours or not.",
            autocompletion=jobs,
        ),
    ],
    directory: JobsFolder = Path("yprov"),
    family: Annotated[
        bool, typer.Option("--family", help="Ask for the yProv family's rules of any document.")
    ] = False,
    show_all: Annotated[bool, typer.Option("--all", help=f"List more than {_SHOWN}.")] = False,
) -> None:
    """List what is wrong with documents, with JSON Pointers into them; exit status 1 if anything.

    Of our own documents the yProv family's rules are asked as well, and the files beside them.
    """
    good = True
    for reference in documents:
        path = find_document(reference, directory)
        found = check_file(path, family)
        _print(reference, found, None if show_all else _SHOWN)
        good = good and not found
    if not good:
        raise typer.Exit(1)


def find_document(reference: str, directory: Path) -> Path:
    """Return the document that a file, a job directory or a job id names, or raise YprovError."""
    path = Path(reference)
    if is_plain_file(path):
        return path
    document = find_documented(reference, directory).document
    if not is_plain_file(document):
        raise YprovError(f"{document}: not there yet; make it with yprov-merge {reference}")
    return document


def read_document(path: Path) -> tuple[dict[str, Any], list[Finding]]:
    """Return a document from disk, and the names that stand in it twice; YprovError if none."""
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise YprovError(f"{path}: larger than {_LARGEST_BYTES >> 30} GiB")
        return parse(path.read_bytes())
    except OSError as error:
        raise YprovError(f"{path}: {error.strerror}") from error
    except YprovError as error:
        raise YprovError(f"{path}: {error}") from None


def check_file(path: Path, family: bool = False) -> list[Finding]:
    """Return what is wrong with a document on disk. Raises YprovError if it is none."""
    with without_collector():
        document, found = read_document(path)
        ours = is_ours(document)
        found += [one for one in findings(document) if one.rule == "PROV" or ours or family]
    with Progress("checking the files beside it") as progress:
        found += check_side_files(document, path.parent, progress.show)
    return found


def _print(reference: str, found: list[Finding], limit: int | None) -> None:
    for finding in found[:limit]:
        print(plain(f"{reference}: {finding}"))
    if limit is not None and len(found) > limit:
        print(f"{len(found) - limit} more; --all lists them")
    counts = Counter(finding.rule for finding in found)
    words = ", ".join(f"{number} {_WHOSE[rule]}" for rule, number in counts.items())
    name = plain(reference)
    print(
        f"{name}: {count(len(found), 'fault')} ({words})" if found else f"{name}: valid",
        file=sys.stderr,
    )
