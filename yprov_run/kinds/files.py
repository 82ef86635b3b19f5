"""The files of a step, looked at when it has ended: one by one, or those of a folder as one."""

from __future__ import annotations

from dataclasses import dataclass

STDIN = "stdin"  # where a file is known from: a step's standard input


@dataclass(frozen=True)
class FileVersion:
    """What tells a version of a file where its content is not known: size, time and inode."""

    size_bytes: int
    modified_ms: int
    inode: int


@dataclass(frozen=True)
class FileRef:
    """A file the job read or, if `generated`, wrote; sha256 None if not computed: `note` says why.

    `role` is input, output, configuration, checkpoint, log or program; `origin` is how it is known
    of. `before` is the version from which the job changed it in place.
    """

    path: str
    role: str
    size_bytes: int | None
    sha256: str | None
    modified_ms: int | None
    note: str = ""
    generated: bool = False
    origin: str = ""
    inode: int | None = None
    before: FileVersion | None = None


@dataclass(frozen=True)
class FileCollection:
    """The files of a folder as one: `sha256` is over the names and checksums of all of them.

    `manifest` is the table of its members, a path in the job directory, where they are too many
    to be `members`; `unhashed_count` of them have no checksum.
    """

    path: str
    role: str
    generated: bool
    origin: str
    count: int
    size_bytes: int
    sha256: str
    unhashed_count: int
    manifest: str = ""
    note: str = ""
    members: tuple[FileRef, ...] = ()
