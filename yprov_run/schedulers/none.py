"""No scheduler: a job started by hand."""

from __future__ import annotations

from yprov_run.schedulers.facts import SchedulerFacts


def facts() -> SchedulerFacts:
    """Return the facts of a job that no scheduler knows."""
    return SchedulerFacts(scheduler="none")
