"""The Python that a command runs with, told from its files: nothing is started to ask it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from yprov_run.kinds.software import Interpreter
from yprov_run.safefile import open_regular, read_text

_PYTHON = re.compile(r"(?:python|pypy)(?:\d+(?:\.\d+)?t?)?\Z")
_NUMBERED = re.compile(r"python(\d+\.\d+)")
_PACKAGE = re.compile(r"python-(\d+\.\d+[^-]*)-[^-]+\.json\Z")
_SHELLS = {"sh", "bash", "dash", "zsh", "ksh"}
_MAX_BINARY_BYTES = 64 << 20
_MAX_SCRIPT_BYTES = 1 << 20
_MAX_STEPS = 5


def find(argv: Sequence[str], environ: Mapping[str, str], folder: str) -> Interpreter | None:
    """Return the Python that a command line comes to; None if it comes to none that can be told.

    The first word that is one, or a script whose first line names one (`torchrun`), or, for
    a shell's script, whatever `python` is on the PATH when a line of it calls Python.
    """
    shell = False
    for word in argv:
        path = _which(word, environ, folder)
        if path is None:
            continue
        python = _behind(path, environ, folder, _MAX_STEPS)
        if python is None and shell:
            python = _called_by(path, environ, folder)
        shell = os.path.basename(path) in _SHELLS  # noqa: PTH119
        if python is not None:
            return describe(python)
    return None


def _which(word: str, environ: Mapping[str, str], folder: str) -> str | None:
    if not word or word.startswith("-") or "\0" in word or len(word) > 4096:
        return None
    if "/" in word:
        path = os.path.join(folder, word)  # noqa: PTH118 - may be no text
        return path if os.path.isfile(path) else None  # noqa: PTH113
    found = shutil.which(word, path=environ.get("PATH", os.defpath))
    if found is None and os.path.isfile(os.path.join(folder, word)):  # noqa: PTH113, PTH118
        return os.path.join(folder, word)  # noqa: PTH118
    return found


def _behind(path: str, environ: Mapping[str, str], folder: str, steps: int) -> str | None:
    """Follow first lines of scripts to a Python."""
    if _PYTHON.match(os.path.basename(path)):  # noqa: PTH119
        return path
    line = _first_line(path)
    if not line or not steps:
        return None
    words = line.split()
    if words and os.path.basename(words[0]) == "env":  # noqa: PTH119
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    for word in words[:1]:
        if os.path.basename(word) in _SHELLS:  # noqa: PTH119
            return _called_by(path, environ, folder)
        target = _which(word, environ, folder)
        return None if target is None else _behind(target, environ, folder, steps - 1)
    return None


def _first_line(path: str) -> str:
    try:
        fd = open_regular(path)
    except (OSError, ValueError):
        return ""
    try:
        head = os.read(fd, 512)
    except OSError:
        return ""
    finally:
        os.close(fd)
    return os.fsdecode(head.partition(b"\n")[0][2:]) if head.startswith(b"#!") else ""


_CALL = re.compile(r"(?:^|[\s;&|(`])((?:[\w.~-]*/)*(?:python|pypy)[\d.]*)(?=\s)", re.MULTILINE)


def _called_by(script: str, environ: Mapping[str, str], folder: str) -> str | None:
    """Return the first Python that a shell's script calls by a plain word."""
    text = read_text(script, _MAX_SCRIPT_BYTES)
    # What installers write for paths too long for a first line: `exec` goes on with Python.
    for match in _CALL.finditer(text):
        found = _which(match[1], environ, folder)
        if found is not None:
            return found
    return None


def describe(path: str) -> Interpreter:
    """Return what the files around a Python say of it."""
    real = os.path.realpath(path)
    settings, prefix = _venv(path)
    if settings:
        base = os.path.dirname(settings.get("home", "")) or ""  # noqa: PTH120
        version = settings.get("version") or settings.get("version_info", "")
        version = ".".join(version.split(".")[:3])
        sees_system = settings.get("include-system-site-packages", "").lower() == "true"
        return Interpreter(path, real, version or _version(real), "venv", prefix, base, sees_system)
    prefix = os.path.dirname(os.path.dirname(real))  # noqa: PTH120
    if conda := _conda_version(prefix):
        return Interpreter(path, real, conda, "conda", prefix, prefix)
    return Interpreter(path, real, _version(real), "system", prefix, prefix)


def _venv(path: str) -> tuple[dict[str, str], str]:
    """Return the settings of the virtual environment that a Python, as called, is of; and where."""
    here = path
    for _ in range(_MAX_STEPS):
        folder = os.path.dirname(os.path.abspath(here))  # noqa: PTH100, PTH120
        for place in (folder, os.path.dirname(folder)):  # noqa: PTH120
            text = read_text(f"{place}/pyvenv.cfg")
            if text:
                lines = (line.partition("=") for line in text.splitlines() if "=" in line)
                return {key.strip().lower(): value.strip() for key, _, value in lines}, place
        if not os.path.islink(here):  # noqa: PTH114
            break
        here = os.path.join(folder, os.readlink(here))  # noqa: PTH115, PTH118
    return {}, ""


def _conda_version(prefix: str) -> str:
    try:
        names = os.listdir(f"{prefix}/conda-meta")  # noqa: PTH208 - names are all it needs
    except OSError:
        return ""
    return next((match[1] for name in names if (match := _PACKAGE.match(name))), "")


def _version(real: str) -> str:
    """Return the whole version from the headers beside a Python, or out of the binary itself."""
    match = _NUMBERED.search(os.path.basename(real))  # noqa: PTH119
    prefix = Path(real).parent.parent
    short = match[1] if match else _only_version(prefix)
    header = read_text(prefix / f"include/python{short}/patchlevel.h")
    if found := re.search(r'#define\s+PY_VERSION\s+"([^"]+)"', header):
        return found[1]
    return _in_binary(real, prefix, short) or short


def _only_version(prefix: Path) -> str:
    """Return the version of the only Python library below a prefix."""
    found = {path.name[len("python") :] for path in prefix.glob("lib/python3.*") if path.is_dir()}
    return found.pop() if len(found) == 1 else ""


def _in_binary(real: str, prefix: Path, short: str) -> str:
    if not short:
        return ""
    wanted = re.compile(rb"\0(" + re.escape(short.encode()) + rb"\.\d+(?:(?:a|b|rc)\d+)?\+?)\0")
    for path in (*_libraries(prefix, short), real):
        for block in _blocks(path):
            if match := wanted.search(block):
                return match[1].decode()
    return ""


def _libraries(prefix: Path, short: str) -> Iterator[str]:
    yield from sorted(str(path) for path in prefix.glob(f"lib*/libpython{short}*.so*"))


def _blocks(path: str) -> Iterator[bytes]:
    try:
        fd = open_regular(path)
    except (OSError, ValueError):
        return
    try:
        rest, left = b"", _MAX_BINARY_BYTES
        while left > 0 and (block := os.read(fd, 1 << 20)):
            yield rest + block
            rest = block[-64:]
            left -= len(block)
    except OSError:
        return
    finally:
        os.close(fd)
