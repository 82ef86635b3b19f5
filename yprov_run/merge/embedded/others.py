"""Whether a job beside this one ran the process that a document names."""

from __future__ import annotations

from collections.abc import Iterator

from yprov_run.jobdir import JobDir, StepDir
from yprov_run.merge import fields
from yprov_run.merge.embedded.who import Process, is_host
from yprov_run.merge.nodetrace import read_trace
from yprov_run.numerals import of_digits

# Tasks of one array, and jobs at once in one folder, have numbers that are near each other.
_MAX_LOOKED_AT = 64


def another_ran(directory: JobDir, process: Process, time_ms: int) -> bool:
    """Tell whether a job whose directory is beside this one ran a process at a time."""
    return any(
        _ran(step, process) for step in _steps_beside(directory) if _was_running(step, time_ms)
    )


def _steps_beside(directory: JobDir) -> Iterator[StepDir]:
    number = of_digits(directory.number) or 0
    try:
        names = {path.name for path in directory.path.parent.iterdir()} - {directory.path.name}
    except OSError:
        return
    near: list[tuple[int, str]] = []
    for name in names:
        other = of_digits(name.rpartition("_")[2])
        if other is not None:
            near.append((abs(other - number), name))
    for _, name in sorted(near)[:_MAX_LOOKED_AT]:
        yield from JobDir(directory.path.parent / name).steps()


def _was_running(step: StepDir, time_ms: int) -> bool:
    started_ms = fields.integer(fields.load(step.command)[0], "started_ms")
    ended_ms = fields.integer(fields.load(step.end)[0], "ended_ms")
    if started_ms is None or time_ms < started_ms:
        return False
    return ended_ms is None or time_ms <= ended_ms


def _ran(step: StepDir, process: Process) -> bool:
    return any(
        is_host(process.host, key.rpartition("-")[0])
        and process.pid in read_trace(step.node(key)).tasks
        for key in step.node_keys()
    )
