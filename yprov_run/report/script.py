"""A job's steps as a shell script: what each needs set, its folder, its command."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from yprov_run.report.conditions import Conditions, settable
from yprov_run.report.launches import Launch
from yprov_run.report.words import plain

_MODULE_PATH = "MODULEPATH"
_PROGRAM = "yprov-run"
_READ_ONLY = {
    "BASHOPTS",
    "EUID",
    "PPID",
    "SHELLOPTS",
    "UID",
}  # bash's own: to set one ends a script


def script(found: Sequence[Launch], given: Mapping[str, Conditions]) -> str:
    """Return the steps as bash runs them again, each with what it was launched with."""
    lines = ["set -e"]
    before = Conditions(variables={})
    for launch in found:
        now = given[launch.step]
        lines += _changes(before, now)
        lines.append(f"cd {_quoted(launch.folder or '.')}")
        read = f" <{_quoted(launch.stdin)}" if launch.stdin else ""
        lines.append(f"{_program(now)} " + " ".join(map(_quoted, launch.words)) + read)
        before = now
    return "\n".join(lines)


def _program(given: Conditions) -> str:
    """Return how yprov-run is started, by its whole path where the step's PATH lacks it."""
    path = _set(given).get("PATH")
    own = Path(sys.executable).with_name(_PROGRAM)
    if path is None or shutil.which(_PROGRAM, path=path) or not own.is_file():
        return _PROGRAM
    return _quoted(str(own))


def _set(given: Conditions) -> dict[str, str]:
    return {name: text for name, text in settable(given).items() if name not in _READ_ONLY}


def _changes(before: Conditions, now: Conditions) -> Iterator[str]:
    """Yield what to do after one step for the next: what it has not, its modules, what it has."""
    then, wanted = _set(before), _set(now)
    yield from (f"unset {name}" for name in then if name not in wanted)
    if tuple(now.modules) != tuple(before.modules):
        if before.modules:
            yield "module purge"
        if _MODULE_PATH in wanted:
            yield _export(_MODULE_PATH, wanted.pop(_MODULE_PATH))
        yield from (f"module load {_quoted(name)}" for name in now.modules)
        then = {}  # a module that comes or goes may change any
    yield from (_export(name, text) for name, text in wanted.items() if then.get(name) != text)


def _export(name: str, text: str) -> str:
    return f"export {name}={_quoted(text)}"


def _quoted(word: str) -> str:
    """Return a word as bash reads it back; what would act on a terminal is spelled out."""
    if plain(word, len(word)) == word:
        return shlex.quote(word)
    letters = "".join(
        character if character.isascii() and character.isprintable() and character not in "'\\"
        else "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
        for character in word
    )  # fmt: skip
    return f"$'{letters}'"
