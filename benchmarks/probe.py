"""What a command costs: itself and everything that it starts, also what it leaves behind.

The command runs below a process that takes in orphans (a subreaper), so that no sampler escapes the
account by leaving its parent. CPU time is the kernel's count, of all of them.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_PR_SET_CHILD_SUBREAPER = 36
_LEFT_BEHIND_S = 5.0


class Cost(NamedTuple):
    """Seconds until the command's end; CPU seconds of all; exit status, or minus the signal."""

    wall_s: float
    cpu_s: float
    status: int


class Running:
    """A command that runs below a subreaper of its own."""

    def __init__(self, command: Sequence[str], folder: Path, env: Mapping[str, str]) -> None:
        self._read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:  # the subreaper: measures and tells, and nothing else
            os.close(self._read)
            try:
                os.write(write, json.dumps(_measure(command, folder, env)).encode())
            except OSError as error:
                print(f"{command[0]}: {error}", file=sys.stderr, flush=True)
            finally:
                os._exit(0)
        os.close(write)

    def below(self) -> list[int]:
        """Return the process ids of all that the command has started, itself included."""
        found = [self.pid]
        for pid in found:
            with contextlib.suppress(OSError):
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
                found += map(int, children.split())
        return found[1:]

    def kill(self) -> None:
        """Kill the command and all that it has started, at once and without a word."""
        for stop in (signal.SIGSTOP, signal.SIGKILL):  # stopped, none can start another
            for pid in self.below():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, stop)

    def cost(self) -> Cost:
        """Wait for the end and return what it cost."""
        with os.fdopen(self._read) as pipe:
            told = pipe.read()
        os.waitpid(self.pid, 0)
        if not told:
            raise SystemExit("not measured")
        return Cost(*json.loads(told))


def cost(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> Cost:
    """Run a command to its end and return what it cost."""
    return Running(command, folder, env).cost()


def proportional_mib(pids: Sequence[int], program: str) -> float:
    """Return the memory of processes, shared pages split, leaving out those that run `program`."""
    total_kib = 0
    for pid in pids:
        with contextlib.suppress(OSError, IndexError):
            if program in Path(f"/proc/{pid}/comm").read_text():
                continue
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total_kib += int(rollup.partition("\nPss:")[2].split(None, 1)[0])
    return total_kib / 1024


def cpu_s(pids: Sequence[int]) -> float:
    """Return the CPU seconds of processes that run, and of the children that they waited for."""
    total_s = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            # The kernel's clock of another process, as clock_getcpuclockid names it: to the ns.
            total_s += time.clock_gettime(~pid << 3 | 2)
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total_s += (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    return total_s


def wait_until(is_so: Callable[[], bool], give_up_s: float) -> bool:
    """Wait until something is so; tell whether it came to be."""
    give_up = time.monotonic() + give_up_s
    while not is_so():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.01)
    return True


def _measure(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> Cost:
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    began = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    status = process.wait()
    wall_s = time.perf_counter() - began
    wait_until(_none_is_left, _LEFT_BEHIND_S)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall_s, used.ru_utime + used.ru_stime, status)


def _none_is_left() -> bool:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return True
    return False
