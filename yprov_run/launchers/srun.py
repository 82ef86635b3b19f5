"""Slurm's srun, 22.05 to 26.05.

The options are those of the option table in Slurm's own sources, all releases together, and those
of the container plugin Pyxis; checked against the installed srun.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from yprov_run.launchers.grammar import (
    BLANKS,
    COPIES,
    LINE_END,
    Options,
    Placement,
    ProgramFile,
    programs,
    untouched,
)

_WITH_VALUE = """
accel-bind account acctg-freq autocomplete bb bbf bcast-exclude begin chdir cluster
cluster-constraint clusters comment constraint container container-id container-type context
core-spec cores-per-socket cpu-bind cpu_bind cpu-freq cpus-per-gpu cpus-per-task deadline delay-boot
dependency distribution epilog error exclude export extra extra-node-info gid gpu-bind gpu-freq gpus
gpus-per-node gpus-per-socket gpus-per-task gres gres-flags het-group hint ignore-signals input
job-name jobid licenses mail-type mail-user mcs-label mem mem-bind mem-per-cpu mem-per-gpu
mem-update mincpus mpi msg-timeout network nodefile nodelist nodes ntasks ntasks-per-core
ntasks-per-gpu ntasks-per-node ntasks-per-socket ntasks-per-tres open-mode pack-group output
partition power prefer priority profile prolog qos relative reservation resources segment signal
slurmd-debug sockets-per-node switches task-epilog task-prolog tasks-per-node thread-spec threads
threads-per-core time time-min tmp treewidth tres-bind tres-per-task uid wait wckey
"""
# Of the container plugin.
_PYXIS_WITH_VALUE = """
container-env container-image container-mounts container-name container-save container-workdir
"""
_PYXIS_WITHOUT_VALUE = """
container-entrypoint container-entrypoint-log container-mount-home container-readonly
container-remap-root container-writable no-container-entrypoint no-container-mount-home
no-container-remap-root
"""
# The value of these may be left out, and is then never the next word.
_WITH_OPTIONAL_VALUE = """
bcast compress exclusive immediate kill-on-bad-exit nice no-kill oom-kill-step propagate resv-ports
send-libs x11
"""
_WITHOUT_VALUE = """
async contiguous consolidate-segments debugger-test disable-status exact external external-launcher
help hold interactive label multi-prog no-allocate overcommit overlap oversubscribe parsable
preserve-env pty quiet quit-on-interrupt reboot spread-job spread-segments stepmgr test-only
unbuffered usage use-min-nodes verbose version wait-for-children whole
"""

OPTIONS = Options(
    values={f"--{name}": 1 for name in (_WITH_VALUE + _PYXIS_WITH_VALUE).split()},
    flags=frozenset(
        f"--{name}"
        for names in (_WITH_OPTIONAL_VALUE, _WITHOUT_VALUE, _PYXIS_WITHOUT_VALUE)
        for name in names.split()
    ),
    glued="ABCDFGJLMNPSTWbcdeimnopqrtwx",
    optional_glued="IKk",
    short_flags="EHOQVXZhlsuv",
    abbreviations=True,
    asks_no_program=frozenset({"--help", "--usage", "--version", "-h", "-V"}),
    copies_program=frozenset({"--bcast"}),
)
_ALSO_BCAST = "SLURM_BCAST"  # even where it is empty


def place(argv: Sequence[str], search_path: str) -> Placement | None:
    """Find the program in an srun command; None if the command is not srun."""
    del search_path  # the name tells: nothing else is called srun
    if not argv or Path(argv[0]).name != "srun":
        return None
    found, reason = programs(argv, OPTIONS)
    if not found:
        return untouched("srun", "slurm", reason)
    if _ALSO_BCAST in os.environ:
        return untouched("srun", "slurm", f"{_ALSO_BCAST} {COPIES}")
    names = tuple(_names(argv, found))
    if any(_is_multi_prog(word) for word in argv[1 : found[0]]):
        file = ProgramFile(found[0], insert_into_multi_prog)
        return Placement("srun", "slurm", file=file, options=names)
    return Placement("srun", "slurm", found, options=names)


def _names(argv: Sequence[str], found: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Yield the option that names each step after its program, as srun itself would have.

    It stands first, so that the user's own wins.
    """
    if "SLURM_JOB_NAME" in os.environ and "SLURM_JOB_ID" not in os.environ:
        return  # which srun heeds where it makes the allocation
    start = 1
    for position in found:
        if name := Path(argv[position]).name:
            yield start, f"--job-name={name}"
        start = argv.index(":", position) + 1 if ":" in argv[position:] else len(argv)


def _is_multi_prog(word: str) -> bool:
    return word.startswith("--mu") and "--multi-prog".startswith(word)


def insert_into_multi_prog(text: str, shim: str) -> str | None:
    """Put the shim into a --multi-prog file: after the ranks of each `RANKS PROGRAM ARGS`."""
    lines = []
    continued = False
    for line in text.removesuffix(LINE_END).split(LINE_END):
        own = line.lstrip(" \t")
        if continued or not own or own.startswith("#"):
            lines.append(line)
        else:
            fields = re.split(BLANKS, own, maxsplit=1)
            if len(fields) != 2 or not re.fullmatch(r"[0-9,*-]+", fields[0]):
                return None
            lines.append(f"{fields[0]} {shim} {fields[1]}")
        continued = line.endswith("\\")
    return "\n".join(lines) + "\n"
