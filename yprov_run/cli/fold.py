"""Fold one job's record into its document: read, write side files, write the document."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from yprov_run.audience import mode_of
from yprov_run.cli.collector import without_collector
from yprov_run.cli.reporting import overview_of, write_report
from yprov_run.errors import YprovError
from yprov_run.jobdir import JobDir, campaign_document, replace_file
from yprov_run.merge.accounting import ask_accounting
from yprov_run.merge.attachments import write_attachments
from yprov_run.merge.audience import document_mode
from yprov_run.merge.detail import Detail, detail_of
from yprov_run.merge.embedded.collect import collect
from yprov_run.merge.read import read_job
from yprov_run.merge.sidefiles import write_metric_files
from yprov_run.merge.staging import Staging, make_folder
from yprov_run.merge.tables import writing_tables
from yprov_run.merge.totals import job_totals
from yprov_run.model import Gap
from yprov_run.provenance.campaign import Member, campaign
from yprov_run.provenance.check import parse
from yprov_run.provenance.document import build, dump
from yprov_run.provenance.rules.sidefiles import is_campaign
from yprov_run.report.overview import Overview

# Shares of the time that a merge of thousands of nodes takes.
_READ, _WRITTEN, _REPORT = 0.6, 0.8, 0.95


def fold(
    directory: JobDir,
    with_report: bool = True,
    detail: Detail | None = None,
    show: Callable[[float, str], None] = lambda _share, _words: None,
) -> Overview:
    """Write a job's document from all that is recorded, then its report; return what it came to.

    `show` is called with the share of the work that is done, and what is being done. Interrupted,
    it leaves the old document with the old files beside it. Raises YprovError with one clear line
    when there is nothing to read or nowhere to write.
    """
    with without_collector(), Staging() as staging:
        ask_accounting(directory)
        job = read_job(directory, lambda share: show(_READ * share, "reading nodes"))
        try:
            level = detail_of(job, detail)
            write_attachments(job, directory)
            with writing_tables(job, directory, level, staging) as tables:
                figures = job_totals(job)
                embedded, gaps = collect(job, directory)
                job = replace(job, gaps=(*job.gaps, *gaps))
                metrics = write_metric_files(
                    job,
                    directory,
                    staging,
                    lambda share: show(_READ + (_WRITTEN - _READ) * share, "writing metric files"),
                )
                show(_WRITTEN, "writing the document")
                # Asked for last: the tables may still be being written beside us.
                side_files = (file for found in (tables, lambda: metrics) for file in found())
                document = build(job, side_files, level, embedded, figures)
            content, mode = dump(document), document_mode(job, embedded, directory)
            staging.put()
            replace_file(directory.document, content, mode)
        except OSError as error:
            raise YprovError(
                f"{error.filename or directory.path}: cannot write: {error.strerror}"
            ) from error
        known = overview_of(job, figures)
        if with_report:
            show(_REPORT, "writing the report")
            write_report(known, directory, document)
    return known


def fold_campaign(jobs: Sequence[JobDir], gaps: Sequence[Gap] = ()) -> Path:
    """Write the document of several merged jobs, and return its path; `gaps` are jobs left out.

    It stands in `campaign/` in the folder that the jobs are all below, with what has the same
    checksum in two jobs joining them. Raises YprovError where that cannot be written.
    """
    base = Path(os.path.commonpath([directory.path.parent for directory in jobs]))
    path = campaign_document(base)
    _refuse_others(path)
    members = []
    for directory in jobs:
        try:
            document, _ = parse(directory.document.read_bytes())
            folder = Path(os.path.relpath(directory.path, path.parent)).as_posix()
            members.append(Member(directory.number, document, folder))
        except OSError as error:
            raise YprovError(f"{directory.document}: {error.strerror}") from error
    try:
        make_folder(path.parent)
        replace_file(path, dump(campaign(members, gaps)), mode_of(*(job.document for job in jobs)))
    except OSError as error:
        words = "copy the jobs' folders to where you may write, and merge them there"
        raise YprovError(f"{path}: cannot write: {error.strerror}; {words}") from error
    return path


def _refuse_others(path: Path) -> None:
    """Raise YprovError where something stands that is no document of several jobs."""
    try:
        document, _ = parse(path.read_bytes())
    except FileNotFoundError:
        return
    except OSError as error:
        raise YprovError(f"{path}: {error.strerror}") from error
    except YprovError:
        document = {}
    if not is_campaign(document):
        raise YprovError(f"{path}: not made by yprov-merge, so not replaced; move it away")
