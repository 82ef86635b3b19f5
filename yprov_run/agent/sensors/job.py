"""What the job itself uses on this node: from its control group, else from its processes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from yprov_run.agent.sensors.files import KernelFile, names, text
from yprov_run.measures import QUANTITIES, SLOW, Column, Device

# How schedulers name the group of a whole job; what is below it is a step's or a task's.
_JOB = re.compile(
    r"(?P<job>.*slurmstepd\.scope/[^/]+|.*/slurm[^/]*(?:/uid_\d+)?/job_[^/]+|"
    r".*pbs_jobs\.service/jobid/[^/]+|.*/(?:lsf|torque|sge|htcondor)[^/]*/[^/]+)(?:/.*)?"
)
_MIB, _KIB = 1 << 20, 1 << 10
_NS_PER_MS, _US_PER_MS = 1_000_000, 1000
_MAX_PROCESSES = 4096
_EACH_OF = 16  # samples: so many at first tell of processes, in a job of seconds all

Values = list["int | None"]


class JobSensor:
    """Memory, CPU time and I/O of the job on this node; `source` says from where."""

    name = "job"
    devices: Sequence[Device] = ()

    def __init__(
        self, pids: Callable[[], Sequence[int]], proc: str = "/proc", sys: str = "/sys"
    ) -> None:
        memberships = text(f"{proc}/self/cgroup")
        group = _version_2(memberships, sys) or _version_1(memberships, sys)
        self._reader: Callable[[], Values] = group.read if group else Processes(pids, proc).read
        self.source = group.source if group else "sum over the tasks' processes"
        self._samples = 0
        self._every = 1 if group else SLOW
        self.columns = [
            Column(QUANTITIES[name])
            for name in ("job_memory", "job_memory_peak", "job_cpu", "job_read", "job_written")
        ]

    def read(self) -> Values:
        """Return memory and its peak in MiB, CPU time in ms, bytes read and written in KiB."""
        number, self._samples = self._samples, self._samples + 1
        if number >= _EACH_OF and number % self._every:
            return [None] * len(self.columns)
        return self._reader()

    def read_last(self) -> Values:
        """Return nothing: it takes longer than the launcher may leave."""
        return [None] * len(self.columns)

    def read_rest(self) -> Values:
        """Return what the job came to; a process that has ended has no memory any more."""
        values = self._reader()
        return values if self._every == 1 else [None, None, *values[2:]]

    def counters(self) -> list[tuple[int, int | None]]:
        """Return nothing: a job has no energy counter."""
        return []

    def problems(self) -> list[str]:
        """Return nothing: a group that goes leaves its cells empty."""
        return []


class Group:
    """A control group's files and how each is read."""

    def __init__(self, source: str, readers: Sequence[Callable[[], int | None]]) -> None:
        self.source = source
        self._readers = readers

    def read(self) -> Values:
        """Return the values in the sensor's order; None for a file that is not there."""
        return [reader() for reader in self._readers]


def _version_2(memberships: str, sys: str) -> Group | None:
    for line in memberships.splitlines():
        path = line[3:] if line.startswith("0::") else ""
        match = _JOB.fullmatch(path)
        for root in (f"{sys}/fs/cgroup", f"{sys}/fs/cgroup/unified"):
            # In a container the root is its own group, where the kernel shows a group's files.
            folder = root + match["job"] if match else root if path == "/" else ""
            if folder and Path(f"{folder}/memory.current").exists():
                return Group(
                    f"cgroup v2 {match['job'] if match else 'of this container'}",
                    (
                        _field_sum(f"{folder}/memory.stat", (b"anon", b"shmem"), _MIB),
                        _whole(f"{folder}/memory.peak", _MIB),
                        _field_sum(f"{folder}/cpu.stat", (b"usage_usec",), _US_PER_MS),
                        _pairs_sum(f"{folder}/io.stat", b"rbytes="),
                        _pairs_sum(f"{folder}/io.stat", b"wbytes="),
                    ),
                )
    return None


def _version_1(memberships: str, sys: str) -> Group | None:
    jobs: dict[str, str] = {}
    for line in memberships.splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        match = _JOB.fullmatch(path)
        for controller in controllers.split(",") if match else ():
            if match and Path(f"{sys}/fs/cgroup/{controller}{match['job']}").is_dir():
                jobs[controller] = f"{sys}/fs/cgroup/{controller}{match['job']}"
    memory, cpu, disks = jobs.get("memory"), jobs.get("cpuacct"), jobs.get("blkio")
    if memory is None and cpu is None:
        return None
    bytes_of = f"{disks}/blkio.throttle.io_service_bytes"
    return Group(
        "cgroup v1 " + (memory or cpu or "").partition("/fs/cgroup")[2],
        (
            _field_sum(f"{memory}/memory.stat", (b"total_rss", b"total_shmem"), _MIB),
            _whole(f"{memory}/memory.max_usage_in_bytes", _MIB),
            _whole(f"{cpu}/cpuacct.usage", _NS_PER_MS),
            _lines_sum(bytes_of, b" Read "),
            _lines_sum(bytes_of, b" Write "),
        ),
    )


def _reader(path: str, parse: Callable[[bytes], int]) -> Callable[[], int | None]:
    try:
        file = KernelFile(path)
    except OSError:
        return lambda: None

    def read() -> int | None:
        try:
            return parse(file.read())
        except (OSError, ValueError, IndexError):
            return None

    return read


def _whole(path: str, unit: int) -> Callable[[], int | None]:
    return _reader(path, lambda text: int(text) // unit)


def _field_sum(path: str, fields: Sequence[bytes], unit: int) -> Callable[[], int | None]:
    def parse(text: bytes) -> int:
        found = [line.split() for line in text.splitlines()]
        counts = [int(row[1]) for row in found if row[0] in fields]
        if not counts:
            raise ValueError("none of these fields")  # not 0: a counter would seem to go back
        return sum(counts) // unit

    return _reader(path, parse)


def _pairs_sum(path: str, key: bytes) -> Callable[[], int | None]:
    return _reader(
        path,
        lambda text: sum(int(w[len(key) :]) for w in text.split() if w.startswith(key)) // _KIB,
    )


def _lines_sum(path: str, word: bytes) -> Callable[[], int | None]:
    return _reader(
        path,
        lambda text: (
            sum(int(line.split()[-1]) for line in text.splitlines() if word in line) // _KIB
        ),
    )


class Processes:
    """The tasks and all that they have started, summed: memory that they share counts for each.

    CPU time and I/O of a process that has ended count where its parent has waited for it, and of a
    task itself until its own has. They begin with the task: what the first look finds has grown
    too.
    """

    def __init__(self, pids: Callable[[], Sequence[int]], proc: str) -> None:
        self._pids = pids
        self._proc = proc
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        self._ms_per_tick = 1000 // os.sysconf("SC_CLK_TCK")
        self._peak_mib = 0
        self._highest = [0, 0, 0]
        self._known: Sequence[int] = ()
        self._has_begun = False

    def read(self) -> Values:
        """Return what they use together; None without any process."""
        memory, ticks, read, written = 0, 0, 0, 0
        found = self._tree()
        for pid in found:
            pages, used = self._stat(pid)
            memory += pages * self._page_bytes
            ticks += used
            more_read, more_written = self._io(pid)
            read += more_read
            written += more_written
        if not found:
            return [None] * 5
        self._peak_mib = max(self._peak_mib, memory // _MIB)
        counts = [ticks * self._ms_per_tick, read // _KIB, written // _KIB]
        if self._has_begun:
            self._highest = [max(pair) for pair in zip(self._highest, counts, strict=True)]
        self._has_begun = True
        return [memory // _MIB, self._peak_mib, *self._highest]

    def _tree(self) -> list[int]:
        found: list[int] = []
        self._known = self._pids() or self._known  # those that have ended may still be told of
        level = list(self._known)
        while level and len(found) < _MAX_PROCESSES:
            found += level
            level = [child for pid in level for child in self._children(pid)]
        return found

    def _children(self, pid: int) -> list[int]:
        children = []
        for task in names(f"{self._proc}/{pid}/task"):
            children += text(f"{self._proc}/{pid}/task/{task}/children").split()
        return [int(child) for child in children if child.isdecimal()]

    def _stat(self, pid: int) -> tuple[int, int]:
        """Return resident pages, and ticks of it and of the children it has waited for."""
        fields = text(f"{self._proc}/{pid}/stat").rpartition(")")[2].split()
        if len(fields) < 22:
            return 0, 0
        return int(fields[21]), sum(map(int, fields[11:15]))

    def _io(self, pid: int) -> tuple[int, int]:
        lines = text(f"{self._proc}/{pid}/io").splitlines()
        counts = {name: int(count) for name, _, count in (line.partition(":") for line in lines)}
        return counts.get("rchar", 0), counts.get("wchar", 0)
