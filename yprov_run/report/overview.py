"""A job with what it came to and what to do better: added up once, said in several places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from yprov_run.merge.totals import Totals, job_totals
from yprov_run.model import Job
from yprov_run.report.advice import advise


class Overview(NamedTuple):
    """A job, its figures over all steps and nodes, and its advice."""

    job: Job
    figures: Totals
    advice: Sequence[str] = ()


def overview(
    job: Job, limits: Mapping[str, float] | None = None, figures: Totals | None = None
) -> Overview:
    """Return a job with its figures and its advice, by these thresholds over the usual ones."""
    figures = figures or job_totals(job)
    return Overview(job, figures, advise(job, limits, figures))
