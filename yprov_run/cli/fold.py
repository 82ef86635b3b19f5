"""Fold one job's record into its document: read, write side files, write the document."""

from __future__ import annotations

from yprov_run.errors import YprovError
from yprov_run.jobdir import JobDir, replace_file
from yprov_run.merge.read import read_job
from yprov_run.merge.sidefiles import write_side_files
from yprov_run.model import Job
from yprov_run.provenance.document import build, dump


def fold(directory: JobDir) -> Job:
    """Write a job's document from all that is recorded, and return the job.

    Raises YprovError with one clear line when there is nothing to read or nowhere to write.
    """
    job = read_job(directory)
    try:
        side_files = write_side_files(job, directory)
        replace_file(directory.document, dump(build(job, side_files)))
    except OSError as error:
        raise YprovError(
            f"{error.filename or directory.path}: cannot write: {error.strerror}"
        ) from error
    return job
