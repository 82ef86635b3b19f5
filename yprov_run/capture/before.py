"""What was there when the job began, so that afterwards it is known what the job made or changed.

Taken right after the launch, beside the job. A file that the program changed before it was looked
at is known by its time: it is later than the launch.
"""

from __future__ import annotations

import gzip
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from yprov_run.capture.commandline import is_data_folder, paths_in
from yprov_run.capture.hashing import Version, version_of
from yprov_run.capture.scene import Scene
from yprov_run.capture.walk import Ignore, Limits, WalkReport, enters, matching, walk
from yprov_run.kinds.before import Captured
from yprov_run.light import NamedTuple

_MAGIC = b"yprov-run files 1"
_FOLDER, _CUT = b"folder ", b"cut "
_MAX_LOOKED_AT = 20_000
_LOOK_S = 8.0


class Change(NamedTuple):
    """What a job did to a file: nothing, or changed it from the version before (None: made it,
    or what was before is not known).
    """

    changed: bool
    before: Version | None = None


@dataclass
class Before:
    """The files that were there, by absolute path, and the folders of which all files are known.

    Of the folders in `cut` only a part was looked at. `started_ns` is the launch by the clock of
    the file system with that device number; of another file system, `default_started_ns`.
    """

    default_started_ns: int
    versions: dict[str, Version] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    cut: set[str] = field(default_factory=set)
    started_ns: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ignore = Ignore()
        self._last = ("", False)

    def judge(self, path: str, status: os.stat_result) -> Change:
        """Tell from what was there whether the job changed a file, given by absolute path."""
        started_ns = self.started_ns.get(status.st_dev, self.default_started_ns)
        known = self.versions.get(path)
        if known is None:
            if self._all_known(path):
                return Change(True)
            # Copied or moved here with an old time: the change of its status tells.
            return Change(max(status.st_mtime_ns, status.st_ctime_ns) >= started_ns)
        if known == version_of(status):
            return Change(known.modified_ns >= started_ns)
        return Change(True, known if known.modified_ns < started_ns else None)

    def _all_known(self, path: str) -> bool:
        """Tell whether the look at a folder would have met this file, had it been there."""
        folder, name = os.path.split(path)  # may be no text
        if folder != self._last[0]:
            # Files come folder by folder: so it is asked once for most of them.
            self._last = (folder, self._was_entered(folder))
        return self._last[1] and not self._ignore.name(name, path)

    def _was_entered(self, folder: str) -> bool:
        above = folder
        while above not in self.folders:
            if above in self.cut or above in {"/", ""}:
                return False
            above = os.path.dirname(above)  # noqa: PTH120 - may be no text
        return enters(above, folder, self._ignore)


def look(
    before: Before, paths: Sequence[str], folders: Sequence[str], ignore: Ignore, limits: Limits
) -> None:
    """Add what is at these absolute paths, and below these folders as far as the limits allow."""
    for path in paths:
        try:
            before.versions[path] = version_of(os.stat(path))  # noqa: PTH116 - as it was given
        except (OSError, ValueError):
            continue
    for folder in folders:
        report = WalkReport()
        for found in walk(folder, ignore, limits, report):
            before.versions[os.path.join(folder, found.path)] = version_of(found.status)  # noqa: PTH118
        seen_in_part = report.stopped or report.unreadable
        (before.cut if seen_in_part else before.folders).add(folder)


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
    for path, version in before.versions.items():
        numbers = f"{version.size_bytes} {version.modified_ns} {version.inode} "
        yield numbers.encode() + os.fsencode(path)


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
            size, modified, inode, path = record.split(b" ", 3)
            before.versions[os.fsdecode(path)] = Version(int(size), int(modified), int(inode))


def take(scene: Scene) -> Captured:
    """Look at what a launched command could change: what it names, and where it runs."""
    give_up = time.monotonic() + _LOOK_S
    seen = Before(0)
    paths, folders = _places(scene, give_up)
    look(seen, paths, [], Ignore(), Limits(0, give_up))
    for folder in folders:
        look(seen, [], [folder], Ignore(), Limits(_MAX_LOOKED_AT, give_up))
    save(seen, scene.step.before)
    return Captured(len(seen.versions), tuple(sorted(seen.folders)))


def _places(scene: Scene, give_up: float) -> tuple[list[str], list[str]]:
    """Return files and folders by absolute path; inputs only if they are files."""
    files, folders = [], [scene.cwd]
    words = [(named.path, True) for named in paths_in(scene.argv, scene.cwd)]
    for patterns, may_be_folder in ((scene.outputs, True), (scene.inputs, False)):
        for pattern in patterns:
            limits = Limits(_MAX_LOOKED_AT, give_up)
            words += [(path, may_be_folder) for path in matching(pattern, scene.cwd, limits)]
    for path, may_be_folder in words:
        absolute = os.path.normpath(os.path.join(scene.cwd, path))  # noqa: PTH118
        if not os.path.isdir(absolute):  # noqa: PTH112 - never raises
            files.append(absolute)
        elif may_be_folder and is_data_folder(absolute, scene.cwd):
            folders.insert(0, absolute)
    return files, list(dict.fromkeys(folders))
