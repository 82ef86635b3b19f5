"""Files on their way into the record: single ones, and those of a folder as a collection."""

from __future__ import annotations

import os
from pathlib import Path

from yprov_run.capture.before import Change
from yprov_run.capture.commandline import written_role
from yprov_run.capture.hashing import Hashed, Version
from yprov_run.capture.manifest import MAX_MEMBERS, Manifest
from yprov_run.kinds.files import FileCollection, FileRef, FileVersion
from yprov_run.light import NamedTuple


class Item(NamedTuple):
    """A file: where it is as it was named, what it is for, and what the job did to it.

    `status` is None where it could not be had; `note` then says why, and `known` is what is known.
    """

    path: str
    role: str
    origin: str
    generated: bool
    change: Change
    note: str = ""
    status: os.stat_result | None = None
    known: Version | None = None


def file_ref(item: Item, hashed: Hashed) -> FileRef:
    """Return a file as it goes into the record."""
    version, before = hashed.version, item.change.before
    return FileRef(
        path=item.path,
        role=item.role,
        size_bytes=version.size_bytes if version else None,
        sha256=hashed.sha256,
        modified_ms=version.modified_ns // 1_000_000 if version else None,
        note=_joined(item.note, item.change.note, hashed.note),
        generated=item.generated,
        origin=item.origin,
        inode=version.inode if version else None,
        before=_file_version(before) if before and item.generated else None,
    )


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def _file_version(version: Version) -> FileVersion:
    return FileVersion(version.size_bytes, version.modified_ns // 1_000_000, version.inode)


class Part:
    """The files of one folder that go one way: read, or written.

    `manifest` is where their table goes if there are many. A folder's own path goes before the
    members' if it is not the working directory.
    """

    def __init__(self, path: str, origin: str, generated: bool, manifest: Path) -> None:
        self._path = path
        self._origin = origin
        self._generated = generated
        self._manifest = Manifest(manifest)
        self._files: list[FileRef] = []

    @property
    def count(self) -> int:
        """How many files were added."""
        return self._manifest.count

    @property
    def is_large(self) -> bool:
        """Whether there are too many to be told one by one."""
        return self._manifest.is_large

    def add(self, member: str, change: Change, hashed: Hashed) -> None:
        """Add a file by its path below the folder. Raises OSError if the disk refuses."""
        self._manifest.add(member, hashed._replace(note=_joined(change.note, hashed.note)))
        if len(self._files) < MAX_MEMBERS:
            path = os.path.join(self._path, member)  # noqa: PTH118 - as it was given
            role = written_role(path) if self._generated else "input"
            item = Item(path, role, self._origin, self._generated, change)
            self._files.append(file_ref(item, hashed))

    def files(self) -> tuple[FileRef, ...]:
        """Return the files one by one; none of them if there are too many."""
        return () if self.is_large else tuple(self._files)

    def collection(self, note: str, label: str = "") -> FileCollection:
        """Return all files as one thing, under the folder's name or another."""
        manifest = self._manifest
        manifest.close()
        return FileCollection(
            path=label or self._path or ".",
            role=self._role(),
            generated=self._generated,
            origin=self._origin,
            count=manifest.count,
            size_bytes=manifest.size_bytes,
            sha256=manifest.sha256,
            unhashed_count=manifest.unhashed_count,
            manifest=manifest.target.name if manifest.is_large else "",
            note=note,
            members=self.files(),
        )

    def _role(self) -> str:
        """Return the files' role if they have one in common, as far as they are looked at."""
        roles = {file.role for file in self._files}
        common = roles.pop() if len(roles) == 1 else ""
        return common or ("output" if self._generated else "input")
