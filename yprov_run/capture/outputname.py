"""Slurm's names for output files: `out-%A_%a.txt` with its parts filled in.

A part that stands for each task or node becomes `*`, so that the result is a glob; what else is in
the name stands for itself.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping, Sequence

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


_STREAM_OPTIONS = {"-o": "--output", "-e": "--error"}


def stream_files(argv: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Return the globs of the files that `srun`'s own options make of its tasks' streams.

    `argv` is srun's part of the command line, without the program.
    """
    if not any(word.rpartition("/")[2] == "srun" for word in argv):
        return []
    found = []
    for index, word in enumerate(argv):
        name, equals, value = word.partition("=")
        if word[:2] in _STREAM_OPTIONS and len(word) > 2:
            name, value = word[:2], word[2:]
        elif not equals and index + 1 < len(argv):
            value = argv[index + 1]
        if _STREAM_OPTIONS.get(name, name) in _STREAM_OPTIONS.values() and value not in {
            "",
            "none",
        }:
            found.append(resolve(value, environ, is_step=True))
    return found
