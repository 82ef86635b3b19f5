"""All files below a folder, in byte order of their paths, in bounded time and memory.

Links to folders are not followed, so that there are no loops; links to files stand for the files.
"""

from __future__ import annotations

import fnmatch
import glob
import heapq
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from yprov_run.light import TYPE_CHECKING, NamedTuple
from yprov_run.safefile import pseudo_devices

if TYPE_CHECKING:
    from typing import IO

_NAMES_IN_MEMORY = 50_000
_MAX_DEPTH = 200

# Nobody's data: version control, caches, installed software, what file systems leave behind.
IGNORED = (
    ".git", ".hg", ".svn", "__pycache__", ".cache", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    ".ipynb_checkpoints", ".tox", ".nox", "node_modules", "*.pyc", "*.swp", "*~", ".nfs*",
    ".fuse_hidden*", "lost+found",
)  # fmt: skip
# A folder that holds one of these is installed software, a cache, or a record of ours.
_MARKS = ("pyvenv.cfg", "conda-meta", "CACHEDIR.TAG", "record/job.json")


class Ignore:
    """Which names are passed over: patterns for a file's or folder's name, or its whole path."""

    def __init__(self, patterns: Sequence[str] = IGNORED) -> None:
        self._names = [pattern for pattern in patterns if "/" not in pattern]
        self._paths = [pattern.strip("/") for pattern in patterns if "/" in pattern]
        self._pseudo = pseudo_devices()

    def name(self, name: str, path: str) -> bool:
        """Tell whether a name, at a path below the folder that is walked, is passed over."""
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self._names) or any(
            fnmatch.fnmatchcase(path, pattern) for pattern in self._paths
        )

    def made_by_the_system(self, path: bytes) -> bool:
        """Tell whether a folder is one of /proc and its like, which hold no files."""
        try:
            return os.stat(path).st_dev in self._pseudo  # noqa: PTH116 - bytes
        except (OSError, ValueError):
            return False

    def folder(self, path: bytes) -> bool:
        """Tell whether a folder is one whose content is passed over, by what is in it."""
        if self.made_by_the_system(path):
            return True
        return any(os.path.lexists(os.path.join(path, os.fsencode(mark))) for mark in _MARKS)  # noqa: PTH118 - bytes


@dataclass
class WalkReport:
    """What a walk met besides files: folders it could not read, what it passed over, its limit."""

    ignored: int = 0
    linked_folders: int = 0
    special: int = 0
    unreadable: int = 0
    stopped: str = ""

    def words(self) -> str:
        """Return what should be known of the walk, in one line; empty if there is nothing."""
        parts = [self.stopped] if self.stopped else []
        for count, what in (
            (self.unreadable, "unreadable"),
            (self.linked_folders, "links to folders not followed"),
            (self.special, "pipes, sockets or devices not read"),
        ):
            if count:
                parts.append(f"{count} {what}")
        return "; ".join(parts)


class Found(NamedTuple):
    """A file: its path below the folder that was walked, and its status."""

    path: str
    status: os.stat_result


@dataclass
class Limits:
    """When a walk stops: after so many files and folders, or at a time of the clock."""

    entries: int
    give_up: float
    monotonic: Callable[[], float] = field(default=time.monotonic)

    def reached(self) -> str:
        """Count one more; return in words which limit is reached, or nothing."""
        self.entries -= 1
        if self.entries < 0:
            return "not all of it was looked at: too many files"
        if self.entries % 64 == 0 and self.monotonic() > self.give_up:
            return "not all of it was looked at: it took too long"
        return ""


def walk(root: str, ignore: Ignore, limits: Limits, report: WalkReport) -> Iterator[Found]:
    """Yield the regular files below a folder in byte order of their paths."""
    top = os.fsencode(root)
    if ignore.made_by_the_system(top):
        report.stopped = "not looked at: its content is made by the system"
        return
    levels = [_names(top, report)]
    prefixes = [b""]
    while levels and not report.stopped:
        entry = next(levels[-1], None)
        if entry is None:
            levels.pop()
            prefixes.pop()
            continue
        report.stopped = limits.reached()
        path = prefixes[-1] + entry
        name = os.fsdecode(entry.rstrip(b"/"))
        if report.stopped or _is_ignored(name, path, ignore, report):
            continue
        full = os.path.join(top, path)  # noqa: PTH118 - bytes
        if not entry.endswith(b"/"):
            yield from _file(full, os.fsdecode(path), report)
        elif ignore.folder(full) or len(levels) > _MAX_DEPTH:
            report.ignored += 1
        else:
            levels.append(_names(full, report))
            prefixes.append(path)


def enters(root: str, folder: str, ignore: Ignore) -> bool:
    """Tell whether a walk of a folder goes into this one below it, as they are now."""
    if folder == root:
        return True
    names = os.path.relpath(folder, root).split("/")
    return len(names) <= _MAX_DEPTH and not any(
        _is_passed_over(root, "/".join(names[:depth]), ignore) for depth in range(1, len(names) + 1)
    )


def _is_passed_over(root: str, below: str, ignore: Ignore) -> bool:
    folder = os.path.join(root, below)  # noqa: PTH118 - may be no text
    return (
        ignore.name(below.rpartition("/")[2], below)
        or os.path.islink(folder)  # noqa: PTH114 - may be no text
        or ignore.folder(os.fsencode(folder))
    )


def _is_ignored(name: str, path: bytes, ignore: Ignore, report: WalkReport) -> bool:
    ignored = ignore.name(name, os.fsdecode(path.rstrip(b"/")))
    report.ignored += ignored
    return ignored


def _file(full: bytes, path: str, report: WalkReport) -> Iterator[Found]:
    try:
        status = os.stat(full)  # noqa: PTH116 - bytes
    except (OSError, ValueError):
        report.unreadable += 1  # gone since, a link to nowhere, a loop
        return
    if stat.S_ISREG(status.st_mode):
        yield Found(path, status)
    elif stat.S_ISDIR(status.st_mode):
        report.linked_folders += 1
    else:
        report.special += 1


def _names(folder: bytes, report: WalkReport) -> Iterator[bytes]:
    """Yield a folder's names in byte order, those of folders with a slash at the end."""
    runs: list[IO[bytes]] = []
    names: list[bytes] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                is_folder = entry.is_dir(follow_symlinks=False)
                names.append(entry.name + b"/" if is_folder else entry.name)
                if len(names) >= _NAMES_IN_MEMORY:
                    runs.append(_spill(sorted(names)))
                    names.clear()
    except (OSError, ValueError):
        report.unreadable += 1
    names.sort()
    yield from heapq.merge(names, *(_unspill(run) for run in runs))


def _spill(names: list[bytes]) -> IO[bytes]:
    import tempfile  # few folders are so large

    run = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed where it is read
    run.write(b"\0".join(names))
    run.seek(0)
    return run


def _unspill(run: IO[bytes]) -> Iterator[bytes]:
    with run:
        rest = b""
        while block := run.read(1 << 16):
            *whole, rest = (rest + block).split(b"\0")
            yield from whole
        yield rest


def matching(pattern: str, folder: str, limits: Limits) -> list[str]:
    """Return the paths, as given or relative to a folder, that a path or glob stands for, sorted.

    `**` stands for any folders; it passes over the names that a walk does, and follows no links.
    """
    try:
        if os.path.lexists(os.path.join(folder, pattern)):  # noqa: PTH118 - as it was given
            return [pattern]
        if "**" not in pattern:
            return sorted(glob.glob(pattern, root_dir=folder))  # noqa: PTH207 - as it was given
    except (OSError, ValueError):
        return []
    steps = pattern.split("/")
    first = next(index for index, step in enumerate(steps) if glob.has_magic(step))
    base = "/".join(steps[:first]) + ("/" if first else "")
    top = os.path.join(folder, base)  # noqa: PTH118 - as it was given
    found = walk(top, Ignore(), limits, WalkReport())
    return [base + file.path for file in found if fits(file.path.split("/"), steps[first:])]


def below(
    paths: Sequence[str], folder: str, ignore: Ignore, limits: Limits, report: WalkReport
) -> Iterator[Found]:
    """Yield what is at these paths, as given or relative to a folder, in byte order.

    Where one is a folder, these are the files below it.
    """
    full = {path: os.path.join(folder, path) for path in paths}  # noqa: PTH118 - as it was given
    folders = {path for path in paths if os.path.isdir(full[path])}  # noqa: PTH112 - never raises
    for path in sorted(paths, key=lambda path: os.fsencode(path + "/" * (path in folders))):
        if path not in folders:
            with suppress(OSError, ValueError):
                yield Found(path, os.stat(full[path]))  # noqa: PTH116 - as it was given
        elif not report.stopped:
            for member in walk(full[path], ignore, limits, report):
                yield member._replace(path=os.path.join(path, member.path))  # noqa: PTH118


def fits(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Tell whether a path's steps are those of a pattern in which `**` stands for any number."""
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(fits(path[skip:], pattern[1:] or ("*",)) for skip in range(len(path)))
    return bool(path) and fnmatch.fnmatchcase(path[0], pattern[0]) and fits(path[1:], pattern[1:])
