"""Slurm's names for output files: `out-%A_%a.txt` with its parts filled in.

A part that stands for each task or node becomes `*`, so that the result is a glob; what else is in
the name stands for itself.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping

_PART = re.compile(r"%(\d*)([a-zA-Z%])")

# What the letters stand for, as the job's variables tell it.
_VARIABLES = {
    "A": ("SLURM_ARRAY_JOB_ID", "SLURM_JOB_ID", "SLURM_JOBID"),
    "a": ("SLURM_ARRAY_TASK_ID",),
    "j": ("SLURM_JOB_ID", "SLURM_JOBID"),
    "J": ("SLURM_JOB_ID", "SLURM_JOBID"),
    "u": ("SLURM_JOB_USER", "USER"),
    "x": ("SLURM_JOB_NAME",),
}
_PER_PROCESS = "nNtsJ"
_MAX_WIDTH = 10


def resolve(pattern: str, environ: Mapping[str, str], is_step: bool = False) -> str:
    """Return the glob of the files that Slurm writes for a name.

    A batch script's `%N`, `%n`, `%t` and `%s` are those of its first node; a step's (of `srun`)
    stand for each node, task or step. Where nothing is known of a part, it becomes `*`.
    """
    if "\\" in pattern:
        # A backslash switches all of this off.
        return glob.escape(pattern.replace("\\", ""))
    result, end = [], 0
    for match in _PART.finditer(pattern):
        result.append(glob.escape(pattern[end : match.start()]))
        result.append(_part(match[2], match[1], environ, is_step))
        end = match.end()
    result.append(glob.escape(pattern[end:]))
    return "".join(result)


def _part(letter: str, width: str, environ: Mapping[str, str], is_step: bool) -> str:
    if letter == "%":
        return "%"
    if is_step and letter in _PER_PROCESS:
        return "*"
    if letter in "nt":
        value = "0"
    elif letter == "s":
        value = "batch"
    elif letter == "N":
        value = environ.get("SLURMD_NODENAME", "").partition(".")[0]
    else:
        names = _VARIABLES.get(letter, ())
        value = next((environ[name] for name in names if environ.get(name)), "")
    if letter == "a" and not value:
        # Outside an array Slurm writes this number.
        value = "4294967294"
    if value.isdigit() and width:
        value = value.zfill(min(int(width[:3]), _MAX_WIDTH))
    return glob.escape(value) if value else "*"
