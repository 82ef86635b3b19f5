"""Launchers' command-line grammars: where do a launcher's options end and its program begin?"""

from __future__ import annotations

import re
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
# Of these no grammar is known.
_UNKNOWN = frozenset({"mpirun_rsh", "mpiexec_mpt", "ccc_mprun", "lrun", "prun", "poe", "charmrun"})
_LAUNCHERS = MPI_COMMANDS | OTHER_COMMANDS | _UNKNOWN | {"srun"}
_SHELLS = frozenset({"sh", "bash", "dash", "ksh", "zsh"})

_Place = Callable[[Sequence[str], str], "Placement | None"]


def place(argv: Sequence[str], search_path: str) -> Placement:
    """Find where the task shim goes in a command.

    A word `{yprov}` says it by hand. Else the launcher that knows the command decides, also behind
    `env A=1` and the like; a command that none knows is a local program, unless it is called as
    MPI launchers are. Where such a program seems to start a launcher, the warning says what is not
    recorded.
    """
    marks = tuple(index for index, word in enumerate(argv) if word == MARK)
    if marks:
        return Placement(Path(argv[0]).name, "any", marks, marked=True)
    skipped = prefix.length(argv)
    for find in _grammars(Path(argv[skipped]).name if argv else ""):
        placement = find(argv[skipped:], search_path)
        if placement is not None:
            return _moved(placement, skipped)
    launcher = _started_later(argv)
    return local.place(argv)._replace(warning=_HIDDEN.format(launcher) if launcher else "")


_HIDDEN = (
    "{0}: where its program begins in this command is not clear; only what runs on this machine is "
    "recorded. Put yprov-run right before {0}, or a word {{yprov}} before its program"
)


def _started_later(argv: Sequence[str]) -> str:
    """Return the launcher that a command of another name seems to start; empty if there is none.

    The value of a long option is none: many programs have one such as `--launcher mpirun`.
    """
    words = list(argv)
    if words and Path(words[0]).name in _SHELLS and "-c" in words[1:-1]:
        words = re.findall(_WORDS, words[words.index("-c") + 1])
    if any(Path(word).name == "yprov-run" for word in words):
        return ""
    for before, word in zip(["", *words], words, strict=False):
        name = Path(word).name
        if name in _LAUNCHERS and not (before.startswith("--") and "=" not in before):
            return name
    return ""


_WORDS = r"[^\s;&|()<>\"'`$]+"


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
        options=tuple((position + by, word) for position, word in placement.options),
        file=file._replace(position=file.position + by) if file else None,
    )
