"""Write a job's report beside its document; it fails open: the document stands without it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yprov_run import config
from yprov_run.cli.complain import complain
from yprov_run.jobdir import JobDir, replace_file
from yprov_run.model import Job


def advice_for(job: Job) -> list[str]:
    """Return the advice for a job, by the thresholds of the configuration files; it fails open."""
    from yprov_run.report.advice import advise

    try:
        limits = config.load(config.files(os.environ, Path())).get("advice")
        return advise(job, limits if isinstance(limits, dict) else None)
    except Exception as error:  # noqa: BLE001 - fails open: the job is over
        complain("yprov-merge", f"no advice: {type(error).__name__}: {error}")
        return []


def write_report(job: Job, directory: JobDir, document: Mapping[str, Any]) -> bool:
    """Write report.html; where that fails, say so on one line and leave no older one behind."""
    # Here and not above: only where a report is wanted.
    from yprov_run.report.page import report

    try:
        text = report(job, directory, document, advice_for(job))
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
