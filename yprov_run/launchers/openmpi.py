"""Open MPI's mpirun, 4 and 5 (from its manual pages; options tried with 4.1 and 5.0.11)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from yprov_run.launchers.grammar import (
    Placement,
    ProgramFile,
    file_option,
    insert_after_options,
    programs,
    resolved_path,
    untouched,
    with_either_hyphens,
)

# Open MPI takes these with one hyphen or with two. Left out, and so in doubt: display-topo, which
# takes a value in 5 only, and path, which says where to look for the first word.
_ONE_VALUE = """
N n np c am app bind-to cartofile cf cpu-list cpu-set cpus-per-proc cpus-per-rank cpus-per-task
debugger default-hostfile display dvm-uri exec-agent forward-signals H host hnp hostfile
launch-agent machinefile map-by max-restarts max-vm-size mem-bind npernode npersocket ompi-server
output output-directory output-filename personality pmixam ppr prefix preload-files pset
rank-by rankfile report-events report-pid report-uri rf runtime-options stdin stream-buffering
timeout tune wd wdir x xml-file xterm add-host add-hostfile show-cancel
"""
_TWO_VALUES = "mca gmca gpmixmca gprtemca omca pmca pmixmca prtemca gomca"
_NO_VALUE = """
allow-run-as-root bind-to-core bind-to-socket bycore bynode byslot continuous d debug debug-daemons
debug-daemons-file debug-devel debug-verbose disable-recovery display-allocation
display-devel-allocation display-devel-map display-diffable-map display-map
do-not-launch do-not-resolve enable-instant-on-support enable-recovery
fwd-mpirun-port get-stack-traces index-argv-by-rank leave-session-attached merge-stderr-to-stdout
nolocal nooversubscribe noprefix novm oversubscribe output-proctable pernode q quiet
report-bindings report-child-jobs-separately report-state-on-timeout
set-cwd-to-session-dir show-progress stop-on-exec tag-output timestamp-output tv use-hwthread-cpus
use-regexp v verbose xml
"""
_COPIES_PROGRAM = "s preload-binary"

OPTIONS = with_either_hyphens(
    _ONE_VALUE, _TWO_VALUES, _NO_VALUE + _COPIES_PROGRAM, asks="--V", copies=_COPIES_PROGRAM
)

COMMANDS = frozenset(
    {"mpirun", "mpiexec", "orterun", "prterun", "oshrun", "mpirun.openmpi", "mpiexec.openmpi"}
)
_PROGRAMS = frozenset({"orterun", "prterun", "prte", "oshrun", "mpirun.openmpi"})


def place(argv: Sequence[str], search_path: str) -> Placement | None:
    """Find the programs in an Open MPI command; None if the command is not Open MPI's."""
    if not argv or Path(argv[0]).name not in COMMANDS:
        return None
    if not _is_open_mpi(argv[0], search_path):
        return None
    found, reason = programs(argv, OPTIONS)
    file = file_option(argv, found, reason, {"-app", "--app"})
    if file is not None:
        return Placement("openmpi", "openmpi", file=ProgramFile(file, _insert))
    if not found:
        return untouched("mpirun", "openmpi", reason)
    return Placement("openmpi", "openmpi", found)


def _insert(text: str, shim: str) -> str | None:
    return insert_after_options(text, shim, OPTIONS)


def _is_open_mpi(word: str, search_path: str) -> bool:
    """Tell by the program that the name resolves to; ask it only where that does not tell."""
    name = resolved_path(word, search_path).name
    if name in _PROGRAMS:
        return True
    if name not in COMMANDS:
        return False
    from yprov_run.launchers import asked  # seldom needed

    answer = asked.version(word)
    return "Open MPI" in answer or "OpenRTE" in answer
