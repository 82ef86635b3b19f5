"""Write a job's report beside its document; it fails open: the document stands without it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from yprov_run import config
from yprov_run.audience import mode_of
from yprov_run.cli.complain import complain
from yprov_run.errors import YprovError, said
from yprov_run.jobdir import JobDir, campaign_file, replace_file
from yprov_run.merge.totals import Totals
from yprov_run.model import Job
from yprov_run.safefile import open_regular

if TYPE_CHECKING:
    from yprov_run.report.overview import Overview

_AWAY = "move it away for a page of these jobs"
_HEAD_BYTES = 1000


def overview_of(job: Job, figures: Totals | None = None) -> Overview:
    """Return a job with its figures and advice, by the thresholds of the configuration files.

    The advice fails open: without it, the figures stand.
    """
    from yprov_run.report.overview import overview

    try:
        limits = config.load(config.files(os.environ, Path())).get("advice")
    except YprovError as error:
        complain("yprov-merge", f"the thresholds of the advice are the usual ones: {error}")
        limits = None
    return overview(job, limits if isinstance(limits, dict) else None, figures)


def write_report(known: Overview, directory: JobDir, document: Mapping[str, Any]) -> bool:
    """Write report.html; where that fails, say so on one line and leave no older one behind."""
    # Here and not above: only where a report is wanted.
    from yprov_run.report.page import report

    try:
        text = report(known, directory, document)
        mode = mode_of(directory.document, *_attached(directory))
        replace_file(directory.report, text.encode("utf-8", "replace"), mode)
    except OSError as error:
        complain("yprov-merge", f"no report: {said(error, directory.report)}")
    except Exception as error:  # noqa: BLE001 - fails open: the document is there
        complain("yprov-merge", f"no report: {type(error).__name__}: {error}")
    else:
        return True
    with contextlib.suppress(OSError):
        directory.report.unlink()
    return False


def _attached(directory: JobDir) -> list[Path]:
    """Return the files beside the document whose text is in the report too."""
    with contextlib.suppress(OSError):
        return list(directory.artifacts.iterdir())
    return []


def write_campaign(jobs: Sequence[JobDir]) -> Path | None:
    """Write the page of several merged jobs into the folder that they are all below.

    Where that fails, say so on one line and return None: the documents stand.
    """
    from yprov_run.report.campaign import campaign_page
    from yprov_run.report.listing import row
    from yprov_run.report.reading import load

    base = Path(os.path.commonpath([directory.path.parent for directory in jobs]))
    path = campaign_file(base)
    try:
        if not _is_ours(path):
            complain("yprov-merge", f"{path}: not made by yprov-merge, so not replaced; {_AWAY}")
            return None
        rows = []
        for directory in jobs:
            link = directory.report.relative_to(base).as_posix()
            rows.append({**row(load(directory.document)), "link": quote(f"./{link}")})
        title = f"{len(jobs)} jobs in {base.name}"
        content = campaign_page(rows, title).encode("utf-8", "replace")
        replace_file(path, content, mode_of(*(directory.document for directory in jobs)))
    except OSError as error:
        complain("yprov-merge", f"no campaign page: {said(error, path)}")
        return None
    except Exception as error:  # noqa: BLE001 - fails open: the documents are there
        complain("yprov-merge", f"no campaign page: {type(error).__name__}: {error}")
        return None
    return path


def _is_ours(path: Path) -> bool:
    """Tell whether a page may be replaced: it says that we made it, or there is none."""
    from yprov_run.report.page import GENERATOR

    with contextlib.suppress(FileNotFoundError), open(open_regular(path), "rb") as stream:  # noqa: PTH123 - it is open already
        return GENERATOR.encode() in stream.read(_HEAD_BYTES)
    return True
