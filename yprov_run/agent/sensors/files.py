"""Small files of /sys and /proc, kept open: reading one again costs a single call."""

from __future__ import annotations

import os

_BYTES = 1 << 16


class KernelFile:
    """A file that the kernel writes anew for each reading. Raises OSError if it is not there."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if hasattr(self, "_fd"):
            os.close(self._fd)

    def read(self) -> bytes:
        """Return what it says now. Raises OSError."""
        return os.pread(self._fd, _BYTES, 0)

    def integer(self) -> int | None:
        """Return the number it begins with; None where there is none, or no reading."""
        try:
            return int(self.read().split(None, 1)[0])
        except (OSError, ValueError, IndexError):
            return None


def open_if_there(path: str) -> KernelFile | None:
    """Return a file that holds a number now, or None."""
    try:
        file = KernelFile(path)
    except OSError:
        return None
    return file if file.integer() is not None else None


def text(path: str) -> str:
    """Return a small file's text without the spaces around it; empty if it cannot be read."""
    return contents(path).decode("utf-8", "replace").strip()


def contents(path: str) -> bytes:
    """Return a small file's bytes, at most 64 KiB; none if it cannot be read.

    By bare calls: a stream takes four more, and the process tree is read every few seconds.
    """
    found = b""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return found
    try:
        while len(found) < _BYTES and (block := os.read(descriptor, _BYTES - len(found))):
            found += block
    except OSError:
        return b""
    finally:
        os.close(descriptor)
    return found


def number(path: str) -> int | None:
    """Return the number in a small file; None if there is none."""
    words = text(path).split()
    return int(words[0]) if words and words[0].lstrip("-").isdecimal() else None


def names(folder: str) -> list[str]:
    """Return the names in a folder, sorted, numbers as numbers; none if it cannot be read."""
    try:
        found = os.listdir(folder)  # noqa: PTH208 - names, not paths
    except OSError:
        return []
    return sorted(found, key=lambda name: (len(name), name))
