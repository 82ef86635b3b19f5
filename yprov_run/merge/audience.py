"""Who may read the document: nobody who may not read the files whose text stands in it."""

from __future__ import annotations

from collections.abc import Sequence

from yprov_run.audience import common, mode_of
from yprov_run.jobdir import JobDir
from yprov_run.kinds.scheduler import Captured as SchedulerCaptured
from yprov_run.merge.captured import find
from yprov_run.merge.embedded.collect import Embedded
from yprov_run.model import Job


def document_mode(job: Job, embedded: Sequence[Embedded], directory: JobDir) -> int:
    """Return the document's permission bits: it holds the batch script and the program's records.

    Patches and definitions of images stand in files of their own.
    """
    scripts = (find(step.captured, SchedulerCaptured) for step in job.steps)
    copies = mode_of(*(directory.path / record.location for record in embedded))
    return common([copies, *(script.mode for script in scripts if script is not None)])
