"""A template filled in: values into the scheduler's directives, the command into the script.

Whatever is put in ends up in a shell script: it is refused, or quoted as a shell reads it back.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from yprov_run.errors import YprovError

Key = Literal[
    "job-name", "partition", "account", "nodes", "ntasks-per-node", "cpus-per-task",
    "gpus-per-node", "time",
]  # fmt: skip

# What a value is called, in the order of the questions.
ASKED: dict[Key, str] = {
    "job-name": "name of the job",
    "partition": "partition, or queue",
    "account": "account, or project",
    "nodes": "number of nodes",
    "ntasks-per-node": "tasks per node",
    "cpus-per-task": "CPUs per task",
    "gpus-per-node": "GPUs per node",
    "time": "time limit",
}
_MOST: dict[Key, tuple[int, int]] = {
    "nodes": (1, 100_000),
    "ntasks-per-node": (1, 10_000),
    "cpus-per-task": (1, 10_000),
    "gpus-per-node": (0, 1_000),
}
_WORDS: dict[Key, str] = {
    "job-name": r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}",
    "partition": r"[A-Za-z0-9_][A-Za-z0-9_.,+@-]{0,255}",
    "account": r"[A-Za-z0-9_][A-Za-z0-9_.,+@:/-]{0,255}",
}
_TIME = re.compile(
    r"(?:(?P<days>\d{1,3})-(?P<h>\d{1,2})(?::(?P<m>\d{1,2})(?::(?P<s>\d{1,2}))?)?"
    r"|(?P<hours>\d{1,4}):(?P<minutes>\d{1,2}):(?P<seconds>\d{1,2})"
    r"|(?P<only_minutes>\d{1,6})(?::(?P<and_seconds>\d{1,2}))?)"
)
_SIZES = {
    86400: ("days",),
    3600: ("h", "hours"),
    60: ("m", "minutes", "only_minutes"),
    1: ("s", "seconds", "and_seconds"),
}
_COMMAND = re.compile(r"^program=\((?P<value>.*)\)$", re.MULTILINE)
# These start a program; the templates do that themselves.
_STARTERS = frozenset(
    {"yprov-run", "srun", "sbatch", "mpirun", "mpiexec", "mpiexec.hydra", "torchrun", "apptainer",
     "singularity", "flux"}
)  # fmt: skip
# Of a shell's line: what is quoted; what is more than words; what runs or computes something.
_QUOTED = re.compile(r"""\\.|'[^']*'|"(?:[^"\\]|\\.)*\"""")
_MORE_THAN_WORDS = re.compile(r"[<>|&;()`]|(?<!\S)#|\$'")
_SUBSTITUTION = re.compile(r"`|\$\(|\$\{(?!\w+\})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def _as_it_is(value: str) -> str:
    return value


def _days_and_clock(seconds: str) -> str:
    days, rest = divmod(int(seconds), 86400)
    return (f"{days}-" if days else "") + _clock(str(rest))


def _clock(seconds: str) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest:02}"


def _minutes(seconds: str) -> str:
    return f"{-(-int(seconds) // 60)}m"


@dataclass(frozen=True)
class _Slot:
    """Where a value stands in a script: the group `value` of a pattern, and how it is written.

    A directive that is commented out (the group `off`) counts too: a value puts it in force.
    """

    pattern: str
    written: str = "{}"
    form: Callable[[str], str] = _as_it_is
    everywhere: bool = False
    least: int = 0


def _slurm(key: Key) -> _Slot:
    form = _days_and_clock if key == "time" else _as_it_is
    # The parts of a heterogeneous job may share these, but not their sizes.
    everywhere = key in {"partition", "account", "time"}
    pattern = rf"^#(?P<off>#*)SBATCH --{key}=(?P<value>\S+)$"
    return _Slot(pattern, f"#SBATCH --{key}={{}}", form, everywhere)


def _pbs(option: str) -> _Slot:
    return _Slot(rf"^#(?P<off>#*)PBS {option} (?P<value>\S+)$", f"#PBS {option} {{}}")


def _flux(option: str, form: Callable[[str], str] = _as_it_is) -> _Slot:
    pattern = rf"^# flux: (?P<off>(?:# )?)--{option}=(?P<value>\S+)$"
    return _Slot(pattern, f"# flux: --{option}={{}}", form)


_SLOTS: dict[str, dict[Key, _Slot]] = {
    r"^#SBATCH ": {key: _slurm(key) for key in ASKED},
    r"^#PBS ": {
        "job-name": _pbs("-N"),
        "partition": _pbs("-q"),
        "account": _pbs("-A"),
        "nodes": _Slot(r"(?<=^#PBS -l select=)(?P<value>\d+)"),
        "ntasks-per-node": _Slot(r"(?<=:mpiprocs=)(?P<value>\d+)"),
        "gpus-per-node": _Slot(r"(?<=:ngpus=)(?P<value>\d+)"),
        "time": _Slot(r"(?<=^#PBS -l walltime=)(?P<value>[\d:]+)", form=_clock),
    },
    r"^# flux: ": {
        "job-name": _flux("job-name"),
        "partition": _flux("queue"),
        "account": _flux("bank"),
        "nodes": _flux("nodes"),
        # Its tasks are as many as its GPUs.
        "gpus-per-node": _Slot(r"(?<=^gpus_per_node=)(?P<value>\d+)", least=1),
        "time": _flux("time-limit", _minutes),
    },
}


def slots(text: str) -> dict[Key, str]:
    """Return what a script can be given, with the value in force; empty if none is."""
    found: dict[Key, str] = {}
    for key, slot in _slots(text).items():
        matches = list(re.finditer(slot.pattern, text, re.MULTILINE))
        if matches:
            last = matches[-1].groupdict()
            found[key] = "" if last.get("off") else last["value"]
    return found


def command(text: str) -> str | None:
    """Return the command that stands in a script, as a shell reads it; None without one."""
    match = _COMMAND.search(text)
    return None if match is None else match["value"]


def fill(text: str, values: Mapping[Key, str], line: str = "") -> str:
    """Return a script with these values and this command. Raises YprovError for any that is wrong.

    The command is a line as `quoted_command` or `shell_line` return it. Where a script has a task
    per GPU and only the GPUs are given, their number is the tasks' too.
    """
    there = slots(text)
    values = dict(values)
    for key in values:
        if key not in there:
            raise YprovError(f"--{key}: this template has no such directive")
    gpus = values.get("gpus-per-node", "0")
    tasks = there.get("ntasks-per-node", "1")
    a_task_each = tasks != "1" and tasks == there.get("gpus-per-node")
    if a_task_each and "ntasks-per-node" not in values and gpus.strip("0"):
        values["ntasks-per-node"] = gpus
    for key, value in values.items():
        text = _put(text, _slots(text)[key], checked(text, key, value))
    if line:
        if command(text) is None:
            raise YprovError("this template takes no command")
        text = _COMMAND.sub(lambda _: f"program=({line})", text)
    return text


def checked(text: str, key: Key, value: str) -> str:
    """Return a value if it may stand in a script; a time as seconds. Raises YprovError."""
    if key == "time":
        return str(_seconds(value))
    if key in _MOST:
        least, most = _MOST[key]
        least = max(least, _slots(text)[key].least)
        if re.fullmatch(r"[0-9]{1,6}", value) and least <= int(value) <= most:
            return str(int(value))
        raise YprovError(f"--{key} {value!r}: give a number between {least} and {most}")
    if re.fullmatch(_WORDS[key], value):
        return value
    raise YprovError(f"--{key} {value!r}: give letters, digits and ._+- only")


def quoted_command(words: Sequence[str]) -> str:
    """Return a command as a shell reads it back. Raises YprovError for one that cannot be."""
    _check(words)
    return shlex.join(words)


def shell_line(said: str) -> str:
    """Return a command as it was typed: `~`, `$NAME` and `*` are for the script's shell.

    Raises YprovError for what is more than the words of one command.
    """
    try:
        words = shlex.split(said)
    except ValueError as error:
        raise YprovError("a quote is not closed") from error
    if not words:
        raise YprovError("say which command the job runs")
    unquoted = _QUOTED.sub("'", said)
    in_force = _QUOTED.sub(lambda part: part[0] if part[0][0] == '"' else "", said)
    if more := _MORE_THAN_WORDS.search(unquoted) or _SUBSTITUTION.search(in_force):
        raise YprovError(
            f"{more[0]!r}: give one command and its words only; write the rest into the script, "
            "or put it in quotes"
        )
    _check(words)
    return said.strip()


def _check(words: Sequence[str]) -> None:
    """Raise YprovError for words that cannot be the command of a script."""
    for word in words:
        if _CONTROL.search(word):
            raise YprovError(f"the command's word {word!r} has a control character in it")
    if not words[0]:
        raise YprovError("the command's first word is empty; say which program the job runs")
    installed = words[0].rpartition("/")[2] if words[0].startswith("/") else words[0]
    if installed in _STARTERS:
        raise YprovError(f"leave {words[0]!r} out of the command: the template starts it itself")


def _slots(text: str) -> dict[Key, _Slot]:
    for directive, found in _SLOTS.items():
        if re.search(directive, text, re.MULTILINE):
            return found
    return {}


def _put(text: str, slot: _Slot, value: str) -> str:
    """Write a value into its place, or into each of its places."""
    written = slot.written.format(slot.form(value))
    matches = list(re.finditer(slot.pattern, text, re.MULTILINE))
    for match in reversed(matches if slot.everywhere else matches[-1:]):
        text = text[: match.start()] + written + text[match.end() :]
    return text


def _seconds(text: str) -> int:
    """Return a time limit in seconds, of any of Slurm's ways to write one."""
    match = _TIME.fullmatch(text)
    parts = {} if match is None else match.groupdict("0")
    seconds = sum(
        size * int(parts.get(name, 0)) for size, group in _SIZES.items() for name in group
    )
    if not seconds:
        raise YprovError(f"--time {text!r}: give it as HH:MM:SS, DAYS-HH:MM:SS, or minutes")
    return seconds
