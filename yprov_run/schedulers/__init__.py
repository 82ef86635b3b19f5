"""What the scheduler says of a job in its variables; one file per scheduler."""

from __future__ import annotations

from collections.abc import Mapping

from yprov_run.schedulers import none, slurm
from yprov_run.schedulers.facts import SchedulerFacts


def detect(environ: Mapping[str, str]) -> SchedulerFacts:
    """Return the facts of the scheduler whose variables are set, or those of none."""
    if (found := slurm.facts(environ)) is not None:
        return found
    if "PBS_JOBID" in environ or "LSB_JOBID" in environ or "FLUX_JOB_ID" in environ:
        from yprov_run.schedulers import others

        return others.facts(environ) or none.facts()
    return none.facts()
