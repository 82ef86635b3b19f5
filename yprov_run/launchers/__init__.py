"""Launchers' command-line grammars: where do a launcher's options end and its program begin?"""

from __future__ import annotations

from collections.abc import Sequence

from yprov_run.launchers import local, openmpi, srun
from yprov_run.launchers.grammar import Placement


def place(argv: Sequence[str], search_path: str) -> Placement:
    """Find where the task shim goes in a command; the first launcher that knows it decides."""
    for find in (srun.place, openmpi.place):
        placement = find(argv, search_path)
        if placement is not None:
            return placement
    return local.place(argv)
