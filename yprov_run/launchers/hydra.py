"""MPICH's hydra, Intel MPI's and PALS' mpiexec (documentation; hydra against the installed 4.0)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from yprov_run.launchers.grammar import (
    Options,
    Placement,
    ProgramFile,
    file_option,
    insert_after_options,
    programs,
    resolved_name,
    untouched,
    with_either_hyphens,
)

# Taken with one hyphen or with two; the last line is PALS'.
_ONE_VALUE = """
n np ppn perhost rr grr f hostfile hosts host machinefile machine wdir configfile genvlist envlist
launcher launcher-exec bootstrap bootstrap-exec rmk topolib bind-to map-by membind demux iface
prepend-pattern outfile-pattern errfile-pattern outfile errfile nameserver localhost usize
gpus-per-proc path umask gdb-ia gtool gtoolfile trace check-mpi tune arch config g d
depth cpu-bind mem-bind mem-bind-list env-file exclude-hosts label-io line-buffer-size tmpdir
rank-by
"""
_TWO_VALUES = "genv env"
_NO_VALUE = """
genvnone genvall envnone envall enable-x disable-x verbose v info print-all-exitcodes
print-rank-map profile prepend-rank l disable-auto-cleanup disable-hostname-propagation order-nodes
pmi-port skip-launch-node s noconf nolocal s-all tv gdb
line-buffer no-transfer transfer exclusive
"""

OPTIONS = with_either_hyphens(_ONE_VALUE, _TWO_VALUES, _NO_VALUE, asks="-info")
# PALS writes `--env NAME=VALUE`, which the others write as two words.
PALS_OPTIONS = Options(
    values={**OPTIONS.values, "--env": 1, "--genv": 1},
    flags=OPTIONS.flags,
    asks_no_program=OPTIONS.asks_no_program,
)

COMMANDS = frozenset(
    {"mpirun", "mpiexec", "mpiexec.hydra", "mpirun.mpich", "mpiexec.mpich", "mpirun.hydra"}
)
_PROGRAMS = frozenset({"mpiexec.hydra", "mpirun.hydra", "mpirun.mpich", "mpiexec.mpich"})
_PALS = "pals"
_NAMES_ITSELF = ("HYDRA", "Intel(R) MPI")


def place(argv: Sequence[str], search_path: str) -> Placement | None:
    """Find the programs in a command of hydra's family; None if the command is none."""
    if not argv or Path(argv[0]).name not in COMMANDS:
        return None
    resolved = resolved_name(argv[0], search_path)
    is_pals = _PALS in resolved
    known = {resolved, Path(argv[0]).name} & _PROGRAMS
    if not known and not is_pals and not _says_so(argv[0], resolved):
        return None
    options = PALS_OPTIONS if is_pals else OPTIONS

    def insert(text: str, shim: str) -> str | None:
        return insert_after_options(text, shim, options)

    found, reason = programs(argv, options)
    file = file_option(argv[: found[0]] if found else argv, {"-configfile", "--configfile"})
    if file is not None:
        return Placement("hydra", "any", file=ProgramFile(file, insert))
    if not found:
        return untouched("mpiexec", "any", reason)
    return Placement("hydra", "any", found)


def _says_so(word: str, resolved: str) -> bool:
    """Ask a program that the name does not tell: Intel's mpirun is a script around hydra."""
    if resolved not in COMMANDS:
        return False
    from yprov_run.launchers import asked  # seldom needed

    answer = asked.version(word)
    return any(name in answer for name in _NAMES_ITSELF)
