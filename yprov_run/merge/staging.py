"""Where the files of a merge get their places: folders of ours, and names once all are whole.

What interrupts a merge leaves the old document and the old files beside it, which fit each other.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from types import TracebackType


def refuse_link(folder: Path) -> None:
    """Raise OSError where a link stands in the place of a folder of ours.

    Through it, files of others would be overwritten, or taken for ours.
    """
    if folder.is_symlink():
        raise OSError(errno.ELOOP, "it is a link, which is not followed; remove it", str(folder))


def make_folder(path: Path) -> None:
    """Make a folder of ours if it is not there. Raises OSError, also for a link in its place."""
    refuse_link(path)
    path.mkdir(exist_ok=True)


class Staging:
    """Files on their way to their places; those that have not got there are removed at the end."""

    def __init__(self) -> None:
        self._waiting: dict[Path, Path] = {}

    def temporary(self, path: Path) -> Path:
        """Return the name under which to write a file that is to stand at this path."""
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
        self._waiting[path] = temporary
        return temporary

    def forget(self, path: Path) -> None:
        """Remove a file that is not wanted after all."""
        self._waiting.pop(path).unlink(missing_ok=True)

    def put(self) -> None:
        """Give all files their own names. Raises OSError if the folder refuses."""
        for path in list(self._waiting):
            self._waiting[path].replace(path)
            del self._waiting[path]

    def __enter__(self) -> Staging:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for temporary in self._waiting.values():
            with contextlib.suppress(OSError):
                temporary.unlink()
