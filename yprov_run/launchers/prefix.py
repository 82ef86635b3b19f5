"""Commands that run another command: `env A=1 srun`, `timeout 3600 mpirun`, `nice srun`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from yprov_run.launchers.grammar import Options, program_index
from yprov_run.light import NamedTuple


class _Prefix(NamedTuple):
    """A prefix: its options, then so many words of its own, then (for env) assignments."""

    options: Options
    words: int = 0
    assignments: bool = False


def _prefix(
    values: str, flags: str, glued: str, short_flags: str, words: int = 0, assignments: bool = False
) -> _Prefix:
    options = Options(
        values={f"--{name}": 1 for name in values.split()},
        flags=frozenset(f"--{name}" for name in flags.split()),
        glued=glued,
        short_flags=short_flags,
        abbreviations=True,
    )
    return _Prefix(options, words, assignments)


_PREFIXES = {
    "env": _prefix(
        "unset chdir", "ignore-environment null default-signal ignore-signal block-signal debug",
        "uC", "i0v", assignments=True,
    ),
    "time": _prefix("format output", "append portability verbose quiet", "fo", "apvq"),
    "nice": _prefix("adjustment", "", "n", "0123456789"),
    "nohup": _prefix("", "", "", ""),
    "stdbuf": _prefix("input output error", "", "ioe", ""),
    "timeout": _prefix(
        "kill-after signal", "foreground preserve-status verbose", "ks", "fpv", words=1
    ),
    "numactl": _prefix(
        "interleave preferred membind cpunodebind cpubind physcpubind weighted-interleave",
        "all localalloc balancing", "iwpmNC", "al",
    ),
    "ionice": _prefix("class classdata", "ignore", "cn", "t"),
    "taskset": _prefix("", "all-tasks cpu-list", "", "ac", words=1),
    "exec": _prefix("", "", "a", "cl"),
}  # fmt: skip
_ASSIGNMENT = re.compile(r"[^=\s]+=")


def length(argv: Sequence[str]) -> int:
    """Return how many words at the start of a command are prefixes; 0 if in doubt about any."""
    start = 0
    while start < len(argv):
        prefix = _PREFIXES.get(Path(argv[start]).name)
        if prefix is None:
            return start
        index, _ = program_index(argv, start + 1, prefix.options)
        if index is None:
            return 0
        index += prefix.words
        if prefix.assignments and index < len(argv) and argv[index] == "-":
            index += 1  # as -i
        while prefix.assignments and index < len(argv) and _ASSIGNMENT.match(argv[index]):
            index += 1
        start = index
    return 0
