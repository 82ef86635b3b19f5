"""Whether a job beside this one ran the process that a document names."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from yprov_run.jobdir import JobDir, StepDir
from yprov_run.merge import fields
from yprov_run.merge.embedded.who import Process, is_host
from yprov_run.merge.nodetrace import read_trace
from yprov_run.numerals import of_digits

# Tasks of one array, and jobs at once in one folder, have numbers that are near each other.
_MAX_LOOKED_AT = 64


class Others:
    """The jobs whose directories are beside one, looked at once, and only when they are needed."""

    def __init__(self, directory: JobDir) -> None:
        self._directory = directory
        self._tasks: dict[StepDir, list[Process]] = {}

    def ran(self, process: Process, time_ms: int) -> bool:
        """Tell whether another job ran a process at a time."""
        return any(
            own.pid == process.pid and is_host(process.host, own.host)
            for step, started_ms, ended_ms in self._steps
            if started_ms <= time_ms and (ended_ms is None or time_ms <= ended_ms)
            for own in self._processes(step)
        )

    @cached_property
    def _steps(self) -> list[tuple[StepDir, int, int | None]]:
        found = []
        for step in _steps_beside(self._directory):
            started_ms = fields.integer(fields.load(step.command)[0], "started_ms")
            ended_ms = fields.integer(fields.load(step.end)[0], "ended_ms")
            if started_ms is not None:
                found.append((step, started_ms, ended_ms))
        return found

    def _processes(self, step: StepDir) -> list[Process]:
        if step not in self._tasks:
            self._tasks[step] = [
                Process(key.rpartition("-")[0], pid)
                for key in step.node_keys()
                for pid in read_trace(step.node(key)).tasks
            ]
        return self._tasks[step]


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
