"""What an agent notes beside its samples: the node's hardware, and the programs that run on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from yprov_run.agent.hardware import describe
from yprov_run.agent.inside import InsideFinder
from yprov_run.agent.programs import ProgramFinder
from yprov_run.measures import Json
from yprov_run.trace import events

# A task's place in its step, as launchers tell it: the first one is on the first node.
_PLACES = ("SLURM_NODEID", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK")


class Notes:
    """Notes taken at the start and after samples; most calls cost nothing."""

    def __init__(self, with_programs: bool, root: str = "/") -> None:
        self._root = root
        self._has_hardware = False
        self._programs = ProgramFinder(f"{root}proc") if with_programs else None
        self._inside = InsideFinder(f"{root}proc")

    def take(self, now: float, pids: Sequence[int]) -> Iterator[tuple[str, Json]]:
        """Yield what is new, as events with their fields; `now` is monotonic, in seconds."""
        if not self._has_hardware:
            self._has_hardware = True
            yield events.HARDWARE, describe(self._root)
        if self._programs is not None:
            for seen in self._programs.look(now, list(pids)):
                yield events.PROGRAM, asdict(seen)
                if seen.elsewhere:
                    self._inside.look(seen.pid, seen.exe)
        for found in self._inside.take():
            yield events.CONTAINER, found


def is_first_node(environ: Mapping[str, str]) -> bool:
    """Tell from the leading task's variables whether this is its step's first node.

    One node's programs and libraries stand for all nodes'.
    """
    told = next((environ[name] for name in _PLACES if environ.get(name)), "0")
    return told == "0"
