"""Time that a test moves, and a task that lives in it, for an agent that runs in the test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from yprov_run.agent.watch import TaskWatch, WatchedTask
from yprov_run.agent.written import Clock


class FakeTime:
    """Time that passes only when somebody waits, or when the work is said to take some."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def clock(self) -> Clock:
        return Clock(lambda: self.now_s, lambda: round(self.now_s * 1000))


class FakeWatch(TaskWatch):
    """One task that lives until a given time; waiting makes time pass."""

    def __init__(self, time: FakeTime, lives_s: float) -> None:
        super().__init__(Path("/nonexistent/tasks"))
        self._time = time
        self._ends_s = time.now_s + lives_s

    def follow(self, pid: int) -> WatchedTask:
        task = WatchedTask(rank=None, local_rank=0, pid=pid, visible_gpus="")
        self.tasks.append(task)
        return task

    def wait(self, timeout_s: float, wakeup_fds: Sequence[int]) -> None:
        self._time.now_s += max(0.0, min(timeout_s, self._ends_s - self._time.now_s))

    def all_gone(self) -> bool:
        return self._time.now_s >= self._ends_s

    def reap(self) -> list[WatchedTask]:
        return self.tasks if self.all_gone() else []
