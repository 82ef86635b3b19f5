"""Workers that a task starts itself: torchrun, accelerate and deepspeed are one task with many.

They are known by what these launchers tell them (RANK and LOCAL_RANK), where the task itself was
told neither.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from yprov_run.agent.sensors.files import contents

_DEPTH = 3  # bash, torchrun, worker
_MAX_CHILDREN = 512
# A child is looked at some times: until its exec it has its parent's environment.
_LOOKS = 4


@dataclass(frozen=True)
class Worker:
    """A process that a task has given a rank of its own."""

    task_pid: int
    pid: int
    rank: int
    local_rank: int


class WorkerFinder:
    """Looks among the descendants of tasks for workers, each reported once."""

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        # Of each task: how often each of its descendants was looked at.
        self._looks: dict[int, dict[int, int]] = {}
        self._ranked_tasks: dict[int, bool] = {}

    def find(self, task_pid: int) -> list[Worker]:
        """Return the workers below a task that were not seen before."""
        if task_pid not in self._ranked_tasks:
            self._ranked_tasks[task_pid] = self._ranks(task_pid) is not None
        if self._ranked_tasks[task_pid]:
            return []
        found = []
        before, now = self._looks.get(task_pid, {}), dict[int, int]()
        level = [task_pid]
        for _ in range(_DEPTH):
            level = [child for pid in level for child in self._children(pid)][:_MAX_CHILDREN]
            for pid in level:
                now[pid] = before.get(pid, 0)
                if now[pid] < _LOOKS:
                    now[pid] += 1
                    ranks = self._ranks(pid)
                    if ranks is not None:
                        now[pid] = _LOOKS
                        found.append(Worker(task_pid, pid, *ranks))
        # The others are forgotten, as their numbers go to other processes; but the kernel's list of
        # children may lack some that are there.
        now.update({pid: before[pid] for pid in before.keys() - now.keys() if self._lives(pid)})
        self._looks[task_pid] = now
        return found

    def _lives(self, pid: int) -> bool:
        return os.path.exists(f"{self._proc}/{pid}")  # noqa: PTH110 - as below

    def _children(self, pid: int) -> list[int]:
        return [int(word) for word in contents(f"{self._proc}/{pid}/task/{pid}/children").split()]

    def _ranks(self, pid: int) -> tuple[int, int] | None:
        """Return RANK and LOCAL_RANK of a process; None if it was told neither."""
        try:
            # Not by Path, which leaves each name that it sees in the interpreter's table of names.
            with open(f"{self._proc}/{pid}/environ", "rb") as stream:  # noqa: PTH123
                variables = stream.read().split(b"\0")
        except OSError:
            return None
        told = dict(
            variable.split(b"=", 1)
            for variable in variables
            if variable.startswith((b"RANK=", b"LOCAL_RANK="))
        )
        rank, local = told.get(b"RANK", b""), told.get(b"LOCAL_RANK", b"")
        return (int(rank), int(local)) if rank.isdigit() and local.isdigit() else None
