"""Append-only files that survive a full disk: what could not be written is kept and retried."""

from __future__ import annotations

import os
from pathlib import Path

from yprov_run.trace.digest import sha256

_KEPT_BYTES = 1 << 20


class AppendFile:
    """A file with one writer; `written_bytes` and `sha256` describe what is really on disk."""

    def __init__(self, path: Path) -> None:
        """Make the file; FileExistsError if there is one already, as it then has a writer."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o666)
        self._pending = bytearray()
        self._hash = sha256()
        self.written_bytes = 0
        self.lost_lines = 0
        self.last_error = ""

    def add(self, line: str) -> None:
        """Queue one line; when the disk has been full for long, new lines are counted as lost."""
        if len(self._pending) > _KEPT_BYTES:
            self.lost_lines += 1
            return
        self._pending += line.encode("utf-8", "replace") + b"\n"

    def flush(self) -> bool:
        """Write what is queued; False if the system did not take all of it."""
        while self._pending:
            try:
                count = os.write(self._fd, self._pending)
            except OSError as error:
                self.last_error = error.strerror or str(error)
                return False
            self._hash.update(self._pending[:count])
            self.written_bytes += count
            del self._pending[:count]
        return True

    def close(self) -> None:
        """Give up the file; what is queued is lost."""
        os.close(self._fd)

    def sha256(self) -> str:
        """Return the checksum of all that was written, as hexadecimal digits."""
        return self._hash.hexdigest()
