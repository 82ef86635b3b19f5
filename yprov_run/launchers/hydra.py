"""MPICH's hydra, Intel MPI's and PALS' mpiexec.

From their documentation; hydra's options tried with MPICH 4.0 and 5.0 and Intel MPI 2021.19.
"""

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
    resolved_path,
    untouched,
    with_either_hyphens,
)

# Taken with one hyphen or with two; the last line is PALS'. Left out, and so in doubt, are options
# of Intel's whose value is optional, or depends on the release: trace, t, check-mpi, tune, gdb-ia,
# and s, which elsewhere has none; also path, which says where to look for the first word.
_ONE_VALUE = """
n np ppn perhost grr f hostfile hosts host machinefile machine wdir configfile genvlist envlist
launcher launcher-exec bootstrap bootstrap-exec rmk topolib bind-to map-by membind demux iface
prepend-pattern outfile-pattern errfile-pattern outfile errfile nameserver localhost usize
gpus-per-proc umask gtool gtoolfile arch config g d
depth cpu-bind mem-bind mem-bind-list env-file exclude-hosts label-io line-buffer-size tmpdir
rank-by
"""
_TWO_VALUES = "genv env"
_NO_VALUE = """
genvnone genvall envnone envall enable-x disable-x verbose v info print-all-exitcodes
print-rank-map profile prepend-rank l disable-auto-cleanup disable-hostname-propagation order-nodes
pmi-port rr skip-launch-node noconf nolocal s-all tv gdb
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
    path = resolved_path(argv[0], search_path)
    known = {path.name, Path(argv[0]).name} & _PROGRAMS
    # Its mpiexec goes by no other name: the folders above tell, as /opt/cray/pals/1.4/bin.
    is_pals = not known and (_PALS in path.name or _PALS in path.parts)
    if not known and not is_pals and not _says_so(argv[0], path.name):
        return None
    options = PALS_OPTIONS if is_pals else OPTIONS

    def insert(text: str, shim: str) -> str | None:
        return insert_after_options(text, shim, options)

    found, reason = programs(argv, options)
    file = file_option(argv, found, reason, {"-configfile", "--configfile"})
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
