"""Many files as one: a count, a size, and one checksum over the names and checksums of all.

That checksum is the same for the same files wherever they lie: over lines as `sha256sum` writes
them, in byte order of the paths below the folder. By hand:

    cd FOLDER; find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum
"""

from __future__ import annotations

import csv
import gzip
import io
import os
from pathlib import Path

from yprov_run.capture.hashing import Hashed
from yprov_run.redaction.text import redact_text
from yprov_run.trace.digest import sha256

MAX_MEMBERS = 100
_FIELDS = ("sha256", "size_bytes", "modified_ns", "inode", "note", "path")

_Row = tuple[object, ...]


class Manifest:
    """The members of a collection as they come by, summed up; of many, a table on the disk.

    `sha256` is over checksums and names; of a file without a checksum, size and time stand in.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self._digest = sha256()
        self._first: list[_Row] = []
        self._stream: io.TextIOWrapper | None = None
        self.count = 0
        self.size_bytes = 0
        self.unhashed_count = 0

    def add(self, path: str, member: Hashed) -> None:
        """Add a file, with its path below the folder. Raises OSError if the disk refuses."""
        version = member.version
        self.count += 1
        self.size_bytes += version.size_bytes if version else 0
        self.unhashed_count += member.sha256 is None
        self._digest.update(_line(path, member))
        numbers = (version.size_bytes, version.modified_ns, version.inode) if version else ("",) * 3
        # The checksum is over names as they are; told they are without credentials, as all else.
        row = (member.sha256 or "", *numbers, member.note, redact_text(path))
        if self.count <= MAX_MEMBERS:
            self._first.append(row)
        else:
            self._write(row)

    def _write(self, row: _Row) -> None:
        if self._stream is None:
            self.target.parent.mkdir(exist_ok=True)
            # No time in its header: the same files give the same table.
            raw = gzip.GzipFile(self.target, "xb", compresslevel=1, mtime=0)
            self._stream = io.TextIOWrapper(
                raw, encoding="utf-8", errors="backslashreplace", newline=""
            )
            self._writer = csv.writer(self._stream, lineterminator="\n")
            self._writer.writerow(_FIELDS)
            self._writer.writerows(self._first)
        self._writer.writerow(row)

    @property
    def sha256(self) -> str:
        """The collection's checksum over what was added so far."""
        return self._digest.hexdigest()

    @property
    def is_large(self) -> bool:
        """Whether there are so many files that they stand in a table on the disk."""
        return self.count > MAX_MEMBERS

    def close(self) -> None:
        """Write what waits."""
        if self._stream is not None:
            self._stream.close()


def _line(path: str, member: Hashed) -> bytes:
    """Return a member's line as sha256sum writes it: a backslash goes before an escaped name."""
    name = os.fsencode(path)
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    mark = b"\\" if escaped != name else b""
    if member.sha256 is not None:
        return mark + member.sha256.encode() + b"  " + escaped + b"\n"
    version = member.version
    stand_in = f"{version.size_bytes}-{version.modified_ns}" if version else member.note
    return mark + stand_in.encode() + b"  " + escaped + b"\n"
