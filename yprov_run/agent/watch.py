"""The tasks of this node: who they are, whether they live, and how they ended.

A task announces itself by a line in the node's `.tasks` file. It is then watched from outside,
without ptrace and without being its parent, so that nothing changes for the program or for the
launcher. The price: its exit status is known only where the kernel tells (Linux 6.15 and newer,
by pidfd), or when the task is seen before its parent has reaped it.
"""

from __future__ import annotations

import fcntl
import math
import os
import select
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from yprov_run.numerals import of_digits

_REAPED_WITHIN_S = 0.01
_POLL_S = 0.05  # where the kernel has no pidfd
_PIDFD_INFO_EXIT = 1 << 3
_PIDFD_INFO = struct.Struct("=QQIIIIIIIIIIIiII")
_PIDFD_GET_INFO = (3 << 30) | (_PIDFD_INFO.size << 16) | (0xFF << 8) | 11
_EXIT_CODE_FIELD = 13
_MAX_LINE = 1 << 16


@dataclass
class WatchedTask:
    """One announced task; `wait_status` is as from wait(2), None where nobody could read it."""

    rank: int | None
    local_rank: int | None
    pid: int
    visible_gpus: str
    pidfd: int | None = None
    start_ticks: str | None = None
    ended: bool = False
    wait_status: int | None = None
    status_source: str = ""


class TaskWatch:
    """All tasks of one step on this node."""

    def __init__(self, tasks_file: Path, proc: str = "/proc") -> None:
        self._file = tasks_file
        self._path = str(tasks_file)
        self._offset = 0
        self._torn = b""
        self._proc = proc
        self._kernel_tells = True
        self._poller = select.poll()
        self._polled: set[int] = set()
        self.tasks: list[WatchedTask] = []

    def pids(self) -> list[int]:
        """Return the processes of the tasks that have not ended."""
        return [task.pid for task in self.tasks if not task.ended]

    def refresh(self) -> list[WatchedTask]:
        """Read new announcements; return the tasks that are new."""
        try:
            if os.stat(self._path).st_size == self._offset:  # noqa: PTH116 - half the cost
                return []
            with self._file.open("rb") as stream:
                stream.seek(self._offset)
                data = stream.read(_MAX_LINE)
        except OSError:
            return []
        self._offset += len(data)
        *lines, self._torn = (self._torn + data).split(b"\n")
        new = [task for task in map(parse_announcement, lines) if task is not None]
        for task in new:
            self._follow(task)
        return new

    def follow(self, pid: int) -> WatchedTask:
        """Watch a task that could not announce itself."""
        task = WatchedTask(rank=None, local_rank=0, pid=pid, visible_gpus="")
        self._follow(task)
        return task

    def _follow(self, task: WatchedTask) -> None:
        self.tasks.append(task)
        task.start_ticks = self._stat(task.pid)[1]
        try:
            task.pidfd = os.pidfd_open(task.pid)
            self._poller.register(task.pidfd, select.POLLIN)
        except ProcessLookupError:
            task.ended = True
        except (AttributeError, OSError):
            task.ended = task.start_ticks is None

    def wait(self, timeout_s: float, wakeup_fds: Sequence[int]) -> None:
        """Return when a task has ended, a wake-up descriptor is readable, or the time is over."""
        for descriptor in wakeup_fds:
            if descriptor not in self._polled:
                self._poller.register(descriptor, select.POLLIN)
        for descriptor in self._polled.difference(wakeup_fds):
            self._poller.unregister(descriptor)
        self._polled = set(wakeup_fds)
        if any(task.pidfd is None and not task.ended for task in self.tasks):
            timeout_s = min(timeout_s, _POLL_S)
        # Up, not down: a moment too early, the loop would turn until the deadline.
        self._poller.poll(max(0, math.ceil(timeout_s * 1000)))

    def reap(self) -> list[WatchedTask]:
        """Return the tasks that have ended since the last call."""
        ready = {descriptor for descriptor, _ in self._poller.poll(0)}
        return [
            task
            for task in self.tasks
            if not task.ended
            and (task.pidfd is None or task.pidfd in ready)
            and self._has_ended(task)
        ]

    def age_ms(self, task: WatchedTask) -> int | None:
        """Return for how long a task has lived, within 10 ms; None where /proc does not tell."""
        if task.start_ticks is None:
            return None
        started_s = int(task.start_ticks) / os.sysconf("SC_CLK_TCK")
        return max(0, round((time.clock_gettime(time.CLOCK_BOOTTIME) - started_s) * 1000))

    def all_gone(self) -> bool:
        """Tell whether no task of this node is left that we know of."""
        if any(not task.ended and task.pidfd is None for task in self.tasks):
            return all(task.ended or self._is_gone(task) for task in self.tasks)
        ready = {descriptor for descriptor, _ in self._poller.poll(0)}
        return all(task.ended or task.pidfd in ready for task in self.tasks)

    def _is_gone(self, task: WatchedTask) -> bool:
        if task.pidfd is not None:
            return bool(select.select([task.pidfd], [], [], 0)[0])
        state, start_ticks, _ = self._stat(task.pid)
        return state in (None, "Z", "X") or start_ticks != task.start_ticks

    def _has_ended(self, task: WatchedTask) -> bool:
        task.ended = self._is_gone(task)
        if task.ended:
            state, start_ticks, wait_status = self._stat(task.pid)
            if state == "Z" and start_ticks == task.start_ticks:
                task.wait_status, task.status_source = wait_status, "process table"
        return task.ended

    def settle(self, tasks: Sequence[WatchedTask]) -> None:
        """Ask the kernel how ended tasks ended; that is known once their parent has reaped them."""
        give_up = time.monotonic() + _REAPED_WITHIN_S
        waiting = [task for task in tasks if task.pidfd is not None and task.wait_status is None]
        while waiting and self._kernel_tells:
            for task in waiting:
                self._ask(task)
            waiting = [task for task in waiting if task.wait_status is None]
            if time.monotonic() > give_up:
                break
            if waiting:
                time.sleep(_REAPED_WITHIN_S / 10)
        for task in tasks:
            if task.pidfd is not None:
                self._poller.unregister(task.pidfd)
                os.close(task.pidfd)
                task.pidfd = None

    def _ask(self, task: WatchedTask) -> None:
        assert task.pidfd is not None  # noqa: S101 - for the type checker
        try:
            task.wait_status = _exit_info(task.pidfd)
        except OSError:
            self._kernel_tells = False
            return
        if task.wait_status is not None:
            task.status_source = "pidfd"

    def _stat(self, pid: int) -> tuple[str | None, str | None, int | None]:
        """Return (state, start time in ticks, wait status) of a process; None where unknown."""
        try:
            text = Path(self._proc, str(pid), "stat").read_text(errors="replace")
        except OSError:
            return None, None, None
        fields = text.rpartition(")")[2].split()
        return fields[0], fields[19], int(fields[49]) if len(fields) > 49 else None


def parse_announcement(line: bytes) -> WatchedTask | None:
    """Return the task that a line announces: `task RANK LOCAL_RANK PID GPUS`, `-` for unknown."""
    words = line.decode("utf-8", "replace").split(" ", 4)
    if len(words) != 5 or words[0] != "task" or not _is_pid(words[3]):
        return None
    return WatchedTask(
        rank=of_digits(words[1]),
        local_rank=of_digits(words[2]),
        pid=int(words[3]),
        visible_gpus="" if words[4] == "-" else words[4],
    )


def _is_pid(text: str) -> bool:
    return 0 < (of_digits(text) or 0) < 1 << 31


def _exit_info(pidfd: int) -> int | None:
    """Return the wait status of a reaped process, None before; OSError on older kernels."""
    buffer = bytearray(_PIDFD_INFO.size)
    struct.pack_into("=Q", buffer, 0, _PIDFD_INFO_EXIT)
    fcntl.ioctl(pidfd, _PIDFD_GET_INFO, buffer)
    fields = _PIDFD_INFO.unpack(buffer)
    return int(fields[_EXIT_CODE_FIELD]) if fields[0] & _PIDFD_INFO_EXIT else None
