"""Write a job's report beside its document; it fails open: the document stands without it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yprov_run import config
from yprov_run.cli.complain import complain
from yprov_run.errors import YprovError
from yprov_run.jobdir import JobDir, replace_file
from yprov_run.model import Job

if TYPE_CHECKING:
    from yprov_run.report.overview import Overview


def overview_of(job: Job) -> Overview:
    """Return a job with its figures and advice, by the thresholds of the configuration files.

    The advice fails open: without it, the figures stand.
    """
    from yprov_run.report.overview import overview

    try:
        limits = config.load(config.files(os.environ, Path())).get("advice")
    except YprovError as error:
        complain("yprov-merge", f"the thresholds of the advice are the usual ones: {error}")
        limits = None
    return overview(job, limits if isinstance(limits, dict) else None)


def write_report(known: Overview, directory: JobDir, document: Mapping[str, Any]) -> bool:
    """Write report.html; where that fails, say so on one line and leave no older one behind."""
    # Here and not above: only where a report is wanted.
    from yprov_run.report.page import report

    try:
        text = report(known, directory, document)
        replace_file(directory.report, text.encode("utf-8", "replace"))
    except OSError as error:
        complain("yprov-merge", f"no report: {error.filename}: {error.strerror}")
    except Exception as error:  # noqa: BLE001 - fails open: the document is there
        complain("yprov-merge", f"no report: {type(error).__name__}: {error}")
    else:
        return True
    with contextlib.suppress(OSError):
        directory.report.unlink()
    return False
