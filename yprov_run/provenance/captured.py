"""What was captured of each step, as records: one function for each kind, in this table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yprov_run.model import Job, Step
from yprov_run.provenance import code, container, environment, modules, scheduler, software
from yprov_run.provenance.records import Records

# kind: what adds it; called with the restored dataclass, in the order of the job's steps.
_ADDERS: dict[str, Callable[[Records, Job, Step, Any], None]] = {
    "environment": environment.add,
    "container": container.add,
    "inside": container.add,
    "code": code.add,
    "software": software.add,
    "binaries": software.add_binaries,
    "scheduler": scheduler.add,
    "modules": modules.add,
}


def add_captured(records: Records, job: Job) -> None:
    """Add all that was captured of a job's steps."""
    for step in job.steps:
        for captured in step.captured:
            if captured.data is not None and captured.kind in _ADDERS:
                _ADDERS[captured.kind](records, job, step, captured.data)
    scheduler.add_accounting(records, job)
