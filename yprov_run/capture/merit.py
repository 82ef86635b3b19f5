"""Figures of merit: how much work a program says that it has done, read from a file after its end.

The program's own output is never touched: what it prints goes where it went without us.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path

_TAIL_BYTES = 8 << 20
_LONGEST_LINE = 4096
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?([eE][+-]?\d+)?")
_CLOCK_S = 2.0  # file systems' clocks differ, and some round


@dataclass(frozen=True)
class Merit:
    """A number of units of work, and where it was read; `problem` in words if it was not."""

    name: str
    value: float | None
    source: str
    problem: str = ""


def read_merit(text: str, folder: Path, since_s: float) -> Merit:
    """Read `NAME=FILE` or `NAME=FILE:PATTERN`; a file older than the step is not this step's."""
    name, _, where = text.partition("=")
    file, _, pattern = where.partition(":")
    try:
        value = _read(folder / file, name, pattern, since_s)
    except OSError as error:
        return Merit(name, None, where, f"{file}: {error.strerror}")
    except ValueError as error:
        return Merit(name, None, where, f"{file}: {error}")
    return Merit(name, value, where)


def _read(path: Path, name: str, pattern: str, since_s: float) -> float:
    if path.stat().st_mtime < since_s - _CLOCK_S:
        raise ValueError("was not written by this step")
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - _TAIL_BYTES))
        text = stream.read(_TAIL_BYTES).decode("utf-8", "replace")
    found = _last_match(text, pattern) if pattern else _only_number(text, name)
    value = float(found)
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{found!r} is no amount of work")
    return value


def _last_match(text: str, pattern: str) -> str:
    expression = re.compile(pattern)
    for line in reversed(text.splitlines()):
        matches = list(expression.finditer(line[:_LONGEST_LINE]))
        if matches:
            return _without_thousands(str(matches[-1][1]))
    raise ValueError("nothing in it is like the pattern")


def _without_thousands(found: str) -> str:
    """Return 1,234.5 as 1234.5; a comma that may be a decimal one is refused."""
    if "," in found and not _THOUSANDS.fullmatch(found):
        raise ValueError(f"{found!r}: a comma is read between thousands only, as in 1,234.5")
    return found.replace(",", "")


def _only_number(text: str, name: str) -> str:
    """Return the file's number, or the one of that name in its JSON object."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("is neither a number nor a JSON object") from None
    found = content.get(name) if isinstance(content, dict) else content
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise ValueError(f"has no number {name!r}")
    return repr(found)
