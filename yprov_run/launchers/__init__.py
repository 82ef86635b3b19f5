"""Launchers' command-line grammars: where do a launcher's options end and its program begin?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from yprov_run.launchers import hydra, local, openmpi, others, prefix, srun
from yprov_run.launchers.grammar import Placement

MARK = "{yprov}"


def place(argv: Sequence[str], search_path: str) -> Placement:
    """Find where the task shim goes in a command.

    A word `{yprov}` says it by hand. Else the launcher that knows the command decides, also behind
    `env A=1` and the like; a command that none knows is a local program.
    """
    marks = tuple(index for index, word in enumerate(argv) if word == MARK)
    if marks:
        return Placement(Path(argv[0]).name, "any", marks, marked=True)
    skipped = prefix.length(argv)
    for find in (srun.place, openmpi.place, hydra.place, others.place):
        placement = find(argv[skipped:], search_path)
        if placement is not None:
            return _moved(placement, skipped)
    return local.place(argv)


def _moved(placement: Placement, by: int) -> Placement:
    file = placement.file
    return replace(
        placement,
        positions=tuple(position + by for position in placement.positions),
        file=replace(file, position=file.position + by) if file else None,
    )
