"""What a job asked its scheduler for: memory per node and time, by whichever source tells."""

from __future__ import annotations

import re
from collections.abc import Iterator

from yprov_run.model import Job

_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)([KMGTP]?)n?\Z")
_TIME = re.compile(r"(?:(\d{1,5})-)?(\d{1,5}):(\d\d):(\d\d)\Z")
_UNITS = {"K": 2**10, "": 2**20, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50}  # Slurm's: MiB


def memory_asked_b(job: Job) -> float | None:
    """Return the memory per node that the job asked its scheduler for; None if it did not say."""
    asked = [str(job.scheduler_facts.get("SLURM_MEM_PER_NODE", ""))]
    asked += [facts.get("MinMemoryNode", "") for facts in _facts(job)]
    return next((size for text in asked if (size := _size_b(text))), None)


def _size_b(text: str) -> float | None:
    match = _SIZE.match(text)
    return float(match[1]) * _UNITS[match[2]] if match else None


def time_limit_s(job: Job) -> float | None:
    """Return the job's time limit in seconds, by its scheduler; None where that is not known."""
    ends = [str(job.scheduler_facts.get(f"SLURM_JOB_{name}_TIME", "")) for name in ("START", "END")]
    if all(re.fullmatch(r"\d{1,12}", text) for text in ends):
        started, ended = map(int, ends)
        if started < ended < started + 10**8:
            return float(ended - started)
    asked = [facts.get("TimeLimit", "") for facts in _facts(job)]
    if job.accounting is not None:
        asked += [start.get("Timelimit") for start in job.accounting.starts[-1:]]
    return next((seconds for text in asked if (seconds := _seconds(text))), None)


def _seconds(text: str) -> float | None:
    match = _TIME.match(text)
    if not match:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds) or None


def _facts(job: Job) -> Iterator[dict[str, str]]:
    """Yield what the scheduler said of the job, as each step captured it."""
    for step in job.steps:
        for captured in step.captured:
            facts = getattr(captured.data, "facts", None)
            if captured.kind == "scheduler" and isinstance(facts, dict):
                yield {str(name): str(text) for name, text in facts.items()}
