"""Input and output files that the user named: size, time and SHA-256, after the job has ended."""

from __future__ import annotations

import glob
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from yprov_run.model import FileRef

_CHUNK_BYTES = 1 << 20
MAX_FILES = 10_000


def capture(
    patterns: Sequence[str],
    role: str,
    budget_s: float,
    monotonic: Callable[[], float] = time.monotonic,
) -> list[FileRef]:
    """Return the regular files that paths and globs name; a folder stands for all below it.

    Files met when the time budget is spent are listed without a checksum, and say so.
    """
    give_up = monotonic() + budget_s
    files: list[FileRef] = []
    for path in _expand(patterns):
        if len(files) >= MAX_FILES:
            break
        file = _describe(path, role, give_up, monotonic)
        if file is not None:
            files.append(file)
    return files


def _expand(patterns: Sequence[str]) -> Iterator[str]:
    seen = set()
    for pattern in patterns:
        matches = [pattern] if os.path.lexists(pattern) else sorted(glob.glob(pattern))  # noqa: PTH207 - absolute or not, as given
        for match in matches:
            for path in _walk(match):
                if path not in seen:
                    seen.add(path)
                    yield path


def _walk(path: str) -> Iterator[str]:
    if not Path(path).is_dir():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            yield os.path.join(folder, name)  # noqa: PTH118 - as it was given


def _describe(
    path: str, role: str, give_up: float, monotonic: Callable[[], float]
) -> FileRef | None:
    try:
        # A FIFO or a device would block or never end: only regular files are opened.
        before = os.stat(path)  # noqa: PTH116 - as it was given
        if not stat.S_ISREG(before.st_mode):
            return None
        sha256, note = _checksum(path, give_up, monotonic)
        after = os.stat(path)  # noqa: PTH116 - as it was given
    except OSError as error:
        return FileRef(path, role, None, None, None, f"unreadable: {error.strerror}")
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        sha256, note = None, "changed while it was read"
    return FileRef(path, role, after.st_size, sha256, after.st_mtime_ns // 1_000_000, note)


def _checksum(path: str, give_up: float, monotonic: Callable[[], float]) -> tuple[str | None, str]:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:  # noqa: PTH123 - as it was given
        while chunk := stream.read(_CHUNK_BYTES):
            if monotonic() > give_up:
                return None, "no checksum: the time for checksums was spent"
            digest.update(chunk)
    return digest.hexdigest(), ""
