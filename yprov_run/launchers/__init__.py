"""Launchers' command-line grammars: where do a launcher's options end and its program begin?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from yprov_run.launchers import local, prefix
from yprov_run.launchers.grammar import Placement, unrecognised

MARK = "{yprov}"
MPI_COMMANDS = frozenset(
    f"{command}{maker}"
    for command in ("mpirun", "mpiexec")
    for maker in ("", ".openmpi", ".mpich", ".hydra")
) | {"orterun", "prterun", "oshrun"}
OTHER_COMMANDS = frozenset({"flux", "jsrun", "ibrun", "aprun"})

_Place = Callable[[Sequence[str], str], "Placement | None"]


def place(argv: Sequence[str], search_path: str) -> Placement:
    """Find where the task shim goes in a command.

    A word `{yprov}` says it by hand. Else the launcher that knows the command decides, also behind
    `env A=1` and the like; a command that none knows is a local program, unless it is called as
    MPI launchers are.
    """
    marks = tuple(index for index, word in enumerate(argv) if word == MARK)
    if marks:
        return Placement(Path(argv[0]).name, "any", marks, marked=True)
    skipped = prefix.length(argv)
    for find in _grammars(Path(argv[skipped]).name if argv else ""):
        placement = find(argv[skipped:], search_path)
        if placement is not None:
            return _moved(placement, skipped)
    return local.place(argv)


def _grammars(command: str) -> Iterator[_Place]:
    """Yield those who may know a command; the launch waits for no table but theirs."""
    if command == "srun":
        from yprov_run.launchers import srun

        yield srun.place
    elif command in MPI_COMMANDS:
        from yprov_run.launchers import hydra, openmpi

        yield from (openmpi.place, hydra.place, unrecognised)
    elif command in OTHER_COMMANDS:
        from yprov_run.launchers import others

        yield others.place


def _moved(placement: Placement, by: int) -> Placement:
    file = placement.file
    return placement._replace(
        positions=tuple(position + by for position in placement.positions),
        file=file._replace(position=file.position + by) if file else None,
    )
