"""What was there when the job began, so that afterwards it is known what the job made or changed.

Taken right after the launch, beside the job. What the program did before a file was looked at is
known by the time at which the file's status changed: it is not before the launch.
"""

from __future__ import annotations

import glob
import gzip
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from yprov_run.capture.commandline import is_data_folder, paths_in
from yprov_run.capture.hashing import Version, version_of
from yprov_run.capture.scene import Scene
from yprov_run.capture.walk import Ignore, Limits, WalkReport, enters, fits, matching, walk
from yprov_run.kinds.before import Captured
from yprov_run.light import NamedTuple

_MAGIC = b"yprov-run files 2"
_FOLDER, _CUT = b"folder ", b"cut "
_MAX_LOOKED_AT = 20_000
_LOOK_S = 8.0

OF_OLD_TIME = (
    "its content is older than the launch: it was put here then, or its rights or owner changed"
)


class Listed(NamedTuple):
    """A file as it was met: its version, and when its status last changed."""

    version: Version
    changed_ns: int


class Change(NamedTuple):
    """What a job did to a file: nothing, or changed it from the version before (None: made it,
    or what was before is not known).

    `is_new` where it was not there when the job began; `note` where what was done is in doubt.
    """

    changed: bool
    before: Version | None = None
    is_new: bool = False
    note: str = ""


UNCHANGED = Change(False)


@dataclass
class Before:
    """The files that were there, by absolute path, and the folders of which all files are known.

    Of the folders in `cut` only a part was looked at. `started_ns` is the launch by the clock of
    the file system with that device number; of another file system, `default_started_ns`.
    """

    default_started_ns: int
    files: dict[str, Listed] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    cut: set[str] = field(default_factory=set)
    started_ns: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ignore = Ignore()
        self._last = ("", False)

    def judge(self, path: str, status: os.stat_result) -> Change:
        """Tell from what was there whether the job changed a file, given by absolute path."""
        started_ns = self.started_ns.get(status.st_dev, self.default_started_ns)
        listed = self.files.get(path)
        if listed is None:
            if self._all_known(path):
                return Change(True, is_new=True)
            return _by_time(status, status.st_ctime_ns, started_ns)
        if listed.version == version_of(status):
            # A later change of its status alone is one of its rights, owner or names.
            return _by_time(status, listed.changed_ns, started_ns)
        return Change(True, listed.version if listed.changed_ns < started_ns else None)

    def gone(self, path: str) -> Version | None:
        """Return what a file was that was there at the launch; None if it still is, or was not."""
        listed = self.files.get(path)
        # On which file system it was is not known any more.
        started_ns = min([self.default_started_ns, *self.started_ns.values()])
        if listed is None or listed.changed_ns >= started_ns or os.path.lexists(path):
            return None
        return listed.version

    def gone_of(self, pattern: str, folder: str) -> dict[str, Version]:
        """Return the files that a path or glob stood for and that are no more, by path as given."""
        steps = os.path.normpath(os.path.join(glob.escape(folder), pattern)).split("/")  # noqa: PTH118
        gone = self._gone_where(lambda path: fits(path.split("/"), steps))
        is_whole = pattern.startswith("/")
        return {path if is_whole else os.path.relpath(path, folder): was for path, was in gone}

    def gone_below(self, folder: str) -> dict[str, Version]:
        """Return the files that were below a folder, by path from there, and are no more."""
        top = f"{folder.rstrip('/')}/"
        gone = self._gone_where(lambda path: path.startswith(top))
        return {path[len(top) :]: was for path, was in gone}

    def _gone_where(self, is_meant: Callable[[str], bool]) -> list[tuple[str, Version]]:
        paths = sorted(filter(is_meant, self.files), key=os.fsencode)
        return [(path, was) for path in paths if (was := self.gone(path))]

    def _all_known(self, path: str) -> bool:
        """Tell whether the look at a folder would have met this file, had it been there."""
        folder, name = os.path.split(path)  # may be no text
        if folder != self._last[0]:
            # Files come folder by folder: so it is asked once for most of them.
            self._last = (folder, self.knows(folder))
        return self._last[1] and not self._ignore.name(name, path)

    def knows(self, folder: str) -> bool:
        """Tell whether the look would have met a folder's files, as the folders are now."""
        above = folder
        while above not in self.folders:
            if above in self.cut or above in {"/", ""}:
                return False
            above = os.path.dirname(above)  # noqa: PTH120 - may be no text
        return enters(above, folder, self._ignore)


def _by_time(status: os.stat_result, changed_ns: int, started_ns: int) -> Change:
    """Tell what the time says of a file as it is, whose status changed last at another."""
    if changed_ns < started_ns:
        return UNCHANGED
    if status.st_mtime_ns >= started_ns:
        return Change(True)
    # Unpacked, copied or moved here. With a second link, it is a further name of what was there.
    return UNCHANGED if status.st_nlink > 1 else Change(True, note=OF_OLD_TIME)


def look(
    before: Before, paths: Sequence[str], folders: Sequence[str], ignore: Ignore, limits: Limits
) -> None:
    """Add what is at these absolute paths, and below these folders as far as the limits allow."""
    for path in paths:
        try:
            before.files[path] = _listed(os.stat(path))  # noqa: PTH116 - as it was given
        except (OSError, ValueError):
            continue
    for folder in folders:
        report = WalkReport()
        for found in walk(folder, ignore, limits, report):
            before.files[os.path.join(folder, found.path)] = _listed(found.status)  # noqa: PTH118
        seen_in_part = report.stopped or report.unreadable
        (before.cut if seen_in_part else before.folders).add(folder)


def _listed(status: os.stat_result) -> Listed:
    return Listed(version_of(status), status.st_ctime_ns)


def save(before: Before, target: Path) -> None:
    """Write what was there to a file, whole or not at all. Raises OSError."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    with gzip.open(temporary, "wb", compresslevel=1) as stream:
        for record in _records(before):
            stream.write(record + b"\0")
    temporary.replace(target)


def _records(before: Before) -> Iterator[bytes]:
    yield _MAGIC
    for folder in sorted(before.folders):
        yield _FOLDER + os.fsencode(folder)
    for folder in sorted(before.cut):
        yield _CUT + os.fsencode(folder)
    for path, (version, changed_ns) in before.files.items():
        numbers = (version.size_bytes, version.modified_ns, version.inode, changed_ns)
        yield " ".join(map(str, numbers)).encode() + b" " + os.fsencode(path)


def load(source: Path, default_started_ns: int) -> Before:
    """Return what was written by `save`; nothing of it where it is missing or damaged."""
    before = Before(default_started_ns)
    try:
        with gzip.open(source, "rb") as stream:
            _fill(before, stream.read().split(b"\0")[:-1])
    except (OSError, EOFError, ValueError):
        return Before(default_started_ns)
    return before


def _fill(before: Before, records: Iterable[bytes]) -> None:
    for index, record in enumerate(records):
        if index == 0:
            if record != _MAGIC:
                raise ValueError("not a list of files")
        elif record.startswith(_FOLDER):
            before.folders.add(os.fsdecode(record[len(_FOLDER) :]))
        elif record.startswith(_CUT):
            before.cut.add(os.fsdecode(record[len(_CUT) :]))
        else:
            *numbers, path = record.split(b" ", 4)
            size, modified, inode, changed = map(int, numbers)
            before.files[os.fsdecode(path)] = Listed(Version(size, modified, inode), changed)


def take(scene: Scene) -> Captured:
    """Look at what a launched command could change: what it names, and where it runs."""
    give_up = time.monotonic() + _LOOK_S
    seen = Before(0)
    paths, folders, inputs = _places(scene, give_up)
    look(seen, paths, [], Ignore(), Limits(0, give_up))
    for folder in folders:
        look(seen, [], [folder], Ignore(), Limits(_MAX_LOOKED_AT, give_up))
    # Last, and all of them together: these are seldom written to, and may be large.
    limits = Limits(_MAX_LOOKED_AT, give_up)
    for folder in inputs:
        if limits.entries > 0 and not seen.knows(folder):
            look(seen, [], [folder], Ignore(), limits)
    save(seen, scene.step.before)
    return Captured(len(seen.files), tuple(sorted(seen.folders)))


def _places(scene: Scene, give_up: float) -> tuple[list[str], list[str], list[str]]:
    """Return, by absolute path, files, folders that may be written to, and those of inputs."""
    files, folders, inputs = [], [scene.cwd], []
    words = [(named.path, False) for named in paths_in(scene.argv, scene.cwd)]
    for patterns, is_input in ((scene.outputs, False), (scene.inputs, True)):
        for pattern in patterns:
            limits = Limits(_MAX_LOOKED_AT, give_up)
            words += [(path, is_input) for path in matching(pattern, scene.cwd, limits)]
    for path, is_input in words:
        absolute = os.path.normpath(os.path.join(scene.cwd, path))  # noqa: PTH118
        if not os.path.isdir(absolute):  # noqa: PTH112 - never raises
            files.append(absolute)
        elif is_data_folder(absolute, scene.cwd):
            inputs.append(absolute) if is_input else folders.insert(0, absolute)
    return files, list(dict.fromkeys(folders)), list(dict.fromkeys(inputs))
