"""Reading files that may be anything: a FIFO, a device, a link, something endless, something huge.

Only regular files on real file systems are read, and never more of them than was asked for.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

# Their files look regular, but may block, never end, or act when they are read.
_PSEUDO = {
    "autofs", "binder", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts",
    "devtmpfs", "efivarfs", "fusectl", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs",
    "securityfs", "selinuxfs", "smackfs", "sysfs", "tracefs",
}  # fmt: skip


class NotReadableError(OSError):
    """A file that is not read, for a reason that a person can understand."""


def pseudo_devices(mountinfo: Path = Path("/proc/self/mountinfo")) -> frozenset[int]:
    """Return the device numbers of the mounted file systems that hold no real files."""
    devices = set()
    try:
        lines = mountinfo.read_bytes().splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        before, _, after = line.partition(b" - ")
        fields, kinds = before.split(), after.split()
        if len(fields) > 2 and kinds and kinds[0].decode("ascii", "replace") in _PSEUDO:
            major, _, minor = fields[2].partition(b":")
            if major.isdigit() and minor.isdigit():
                devices.add(os.makedev(int(major), int(minor)))
    return frozenset(devices)


def open_regular(path: str | Path, follow: bool = True) -> int:
    """Return a descriptor of a regular file; OSError for anything else, without ever blocking."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    before = os.stat(path, follow_symlinks=follow)  # noqa: PTH116 - as it was given
    if not stat.S_ISREG(before.st_mode):
        # Opening alone may have effects: a tape rewinds, a FIFO's writer wakes up.
        raise NotReadableError(0, "not a regular file", os.fspath(path))
    fd = os.open(path, flags if follow else flags | os.O_NOFOLLOW)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise NotReadableError(0, "not a regular file", os.fspath(path))
    return fd


def read_regular(path: str | Path, limit_bytes: int, follow: bool = True) -> bytes:
    """Return a regular file's content; OSError if it is anything else, or larger than the limit."""
    fd = open_regular(path, follow)
    try:
        parts, left = [], limit_bytes + 1
        while left and (part := os.read(fd, left)):
            parts.append(part)
            left -= len(part)
    finally:
        os.close(fd)
    if not left:
        raise NotReadableError(0, f"larger than {limit_bytes} bytes", os.fspath(path))
    return b"".join(parts)


def read_text(path: str | Path, limit_bytes: int = 1 << 20) -> str:
    """Return a small text file's content; empty if it cannot be read."""
    try:
        return read_regular(path, limit_bytes).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""
