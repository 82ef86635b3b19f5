"""How often a job was started, and how long each time: a requeued job has several attempts."""

from __future__ import annotations

from yprov_run.model import Job


def attempts_s(job: Job) -> list[float]:
    """Return how long each of a job's attempts took, in seconds, oldest first.

    From the first start of its steps to their last end: what it waited in the queue is in none.
    """
    found = []
    for restart in sorted({step.restart for step in job.steps}):
        steps = [step for step in job.steps if step.restart == restart]
        started_ms = [step.started_ms for step in steps if step.started_ms is not None]
        ended_ms = [step.ended_ms for step in steps if step.ended_ms is not None]
        if started_ms and ended_ms:
            found.append((max(ended_ms) - min(started_ms)) / 1000)
    return found
