"""Which programs a task really runs, and which libraries they have mapped, as the kernel says.

Looked at some times, at growing distances: a program loads its libraries as it goes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

_LOOKS_S = (0.0, 1.0, 4.0, 15.0, 60.0, 300.0)
_MAX_PROGRAMS = 32
_MAX_FILES = 3_000
_MAX_MAPS_BYTES = 8 << 20
_MAX_PROCESSES = 128
_DEPTH = 4


@dataclass(frozen=True)
class ProgramSeen:
    """A program's file and those of its mapped files that were not told before.

    `elsewhere`: it runs in a container, and the paths are those inside.
    """

    pid: int
    exe: str
    files: list[str]
    elsewhere: bool


@dataclass
class ProgramFinder:
    """Looks at tasks and what they have started; each file of each program is told once."""

    proc: str = "/proc"
    _told: dict[str, set[str]] = field(default_factory=dict)
    _started: float | None = None
    _looks: int = 0

    def look(self, now: float, task_pids: list[int]) -> list[ProgramSeen]:
        """Return what is new at this time in monotonic seconds; mostly it is too early to look."""
        if self._started is None:
            self._started = now
        if self._looks >= len(_LOOKS_S) or now - self._started < _LOOKS_S[self._looks]:
            return []
        self._looks += 1
        found = []
        for pid in self._with_descendants(task_pids):
            seen = self._look(pid)
            if seen is not None:
                found.append(seen)
        return found

    def _look(self, pid: int) -> ProgramSeen | None:
        exe = self._link(pid, "exe")
        if not exe or (exe not in self._told and len(self._told) >= _MAX_PROGRAMS):
            return None
        is_new = exe not in self._told
        told = self._told.setdefault(exe, set())
        new = sorted(self._mapped(pid) - told - {exe})[: max(0, _MAX_FILES - len(told))]
        told.update(new)
        if not is_new and not new:
            return None
        elsewhere = self._link(pid, "ns/mnt") != self._link("self", "ns/mnt")
        return ProgramSeen(pid, exe, new, elsewhere)

    def _link(self, pid: int | str, name: str) -> str:
        try:
            return os.readlink(f"{self.proc}/{pid}/{name}")  # noqa: PTH115 - light
        except OSError:
            return ""

    def _mapped(self, pid: int) -> set[str]:
        """Return the files of which code is mapped, and all libraries."""
        try:
            with open(f"{self.proc}/{pid}/maps", "rb") as stream:  # noqa: PTH123 - light
                lines = stream.read(_MAX_MAPS_BYTES).split(b"\n")
        except OSError:
            return set()
        files = set()
        for line in lines:
            fields = line.split(None, 5)
            if len(fields) == 6 and fields[5].startswith(b"/") and b"x" in fields[1]:
                files.add(fields[5])
        return {os.fsdecode(path) for path in files if not path.endswith(b" (deleted)")}

    def _with_descendants(self, pids: list[int]) -> list[int]:
        found = list(pids)[:_MAX_PROCESSES]
        level = found
        for _ in range(_DEPTH):
            level = [child for pid in level for child in self._children(pid)]
            found += level[: _MAX_PROCESSES - len(found)]
        return found

    def _children(self, pid: int) -> list[int]:
        try:
            with open(f"{self.proc}/{pid}/task/{pid}/children", "rb") as stream:  # noqa: PTH123
                return [int(word) for word in stream.read(4096).split()]
        except (OSError, ValueError):
            return []
