"""Single files as what the job did with them: read, written, or both; and how they are known of."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from yprov_run.capture.before import UNCHANGED, Change
from yprov_run.capture.collect import Item
from yprov_run.capture.commandline import read_role, written_role
from yprov_run.capture.hashing import Version
from yprov_run.kinds.files import STDIN

NAMED_INPUT, NAMED_OUTPUT, DIRECTIVE = "--input", "--output", "#SBATCH"
ARGUMENT, FOUND, IMAGE = "argument", "working directory", "container image"
WRITTEN = frozenset({NAMED_OUTPUT, DIRECTIVE})
_STANDARD = ((0, STDIN), (1, "stdout"), (2, "stderr"))

AS_IT_WAS = "no checksum: as it was before the job changed it"
GONE = "no checksum: it was gone when the job had ended"
STILL_OPEN = "no checksum: it is still being written, as yprov-run's own output"
_NOT_SEEN = "no checksum: the job had changed it before it was looked at"


def items_of(
    path: str, role: str, origin: str, change: Change, status: os.stat_result
) -> Iterator[Item]:
    """Yield a file as it was read, as it was written, or as both."""
    if change.changed or origin in WRITTEN:
        if origin == NAMED_INPUT and not change.is_new:
            note = AS_IT_WAS if change.before else _NOT_SEEN
            yield Item(path, role, origin, False, UNCHANGED, note, known=change.before)
        note = "" if change.changed else "not changed during the job"
        kind = "log" if origin == DIRECTIVE else written_role(path)
        yield Item(path, kind, origin, True, change, note, status)
        return
    role = role or read_role(path)
    if role == "input" and origin != NAMED_INPUT and status.st_mode & 0o111:
        role = "program"
    yield Item(path, role, origin, False, change, "", status)


def gone_item(path: str, role: str, origin: str, was: Version) -> Item:
    """Return a file that was there at the launch and is no more: as what was read."""
    return Item(path, role or read_role(path), origin, False, UNCHANGED, GONE, known=was)


def unreadable_item(path: str, role: str, origin: str, error: Exception) -> Item:
    """Return a file of which nothing could be had."""
    words = getattr(error, "strerror", None) or str(error)
    return Item(path, role or "output", origin, False, UNCHANGED, f"unreadable: {words}")


def stream_items() -> Iterator[Item]:
    """Yield the files that our own streams are: the program had them too."""
    for fd, origin in _STANDARD:
        try:
            status = os.fstat(fd)
            path = os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115
            if not stat.S_ISREG(status.st_mode) or not os.path.samestat(status, os.stat(path)):  # noqa: PTH116
                continue
        except OSError:
            continue
        if fd == 0:
            yield Item(path, "input", origin, False, UNCHANGED, "", status)
        else:
            yield Item(path, "log", origin, True, Change(True), STILL_OPEN, status)
