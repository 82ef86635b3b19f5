"""Who may read a file: what is made of files must not be readable for more people than these."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

EVERYBODY = 0o666  # whom the umask lets
OWNER = 0o600


def audience(path: str | Path, beside: Path) -> int:
    """Return the permission bits with which a file's text may stand in a file of a folder.

    Those of the file itself, without the ones that a folder above it keeps out; the group's only
    where the folder `beside` has the same group. Access lists are not looked at. The owner's alone
    for what cannot be looked at.
    """
    try:
        real = os.path.realpath(path)
        status = os.stat(real)  # noqa: PTH116 - may be no text
        for_others = bool(status.st_mode & 0o004)
        for_group = bool(status.st_mode & 0o040)
        while real != "/":
            real = os.path.dirname(real)  # noqa: PTH120 - may be no text
            above = os.stat(real)  # noqa: PTH116 - may be no text
            is_open = bool(above.st_mode & 0o001)
            for_others &= is_open
            for_group &= is_open or bool(above.st_mode & 0o010 and above.st_gid == status.st_gid)
        for_group &= for_others or beside.stat().st_gid == status.st_gid
    except (OSError, ValueError):
        return OWNER
    return OWNER | (0o060 if for_group else 0) | (0o006 if for_others else 0)


def common(modes: Iterable[int]) -> int:
    """Return who may read what is made of files with these permission bits."""
    mode = EVERYBODY
    for one in modes:
        mode &= one
    return mode | OWNER


def mode_of(*paths: Path) -> int:
    """Return who may read what is made of these files of ours, as far as they are there."""
    modes = []
    for path in paths:
        with contextlib.suppress(OSError):
            modes.append(path.stat().st_mode)
    return common(modes)
