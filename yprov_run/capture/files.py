"""What a step read and wrote: files that were named, and files that it made or changed.

Done when the step has ended. Checksums are taken in parallel and within a budget; where it is
spent, size, time and inode stand for the content, and each file says so.
"""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from yprov_run.capture.before import Before, Change
from yprov_run.capture.collect import Item, Part, file_ref
from yprov_run.capture.commandline import is_data_folder, paths_in, read_role, written_role
from yprov_run.capture.hashing import Budget, Hashed, hash_all, version_of
from yprov_run.capture.manifest import MAX_MEMBERS
from yprov_run.capture.walk import Found, Ignore, Limits, WalkReport, matching, walk
from yprov_run.kinds.files import FileCollection, FileRef
from yprov_run.light import NamedTuple
from yprov_run.safefile import pseudo_devices

MAX_FILES = 1_000
_MAX_WALKED = 2_000_000
_MAX_WALKED_UNNAMED = 200_000
_MAX_WALK_UNNAMED_S = 10.0

NAMED_INPUT, NAMED_OUTPUT, DIRECTIVE = "--input", "--output", "#SBATCH"
ARGUMENT, FOUND, IMAGE = "argument", "working directory", "container image"
_STANDARD = ((0, "stdin"), (1, "stdout"), (2, "stderr"))
STILL_OPEN = "no checksum: it is still being written, as yprov-run's own output"


class Wanted(NamedTuple):
    """What to look at: paths and globs as the user gave them, relative to `folder`.

    `logs` are globs of what the scheduler writes; `images` are containers' files; `own_streams`:
    this process's own streams were the program's; `look_around`: what the job made in `folder`
    without anybody having named it.
    """

    folder: str
    inputs: Sequence[str] = ()
    outputs: Sequence[str] = ()
    logs: Sequence[str] = ()
    argv: Sequence[str] = ()
    own_streams: bool = True
    images: Sequence[str] = ()
    look_around: bool = True


@dataclass(frozen=True)
class Captured:
    """What was found: single files, collections, and what could not be had, in words."""

    files: tuple[FileRef, ...]
    collections: tuple[FileCollection, ...]
    problems: tuple[str, ...]


@dataclass
class Survey:
    """One look at a step's files. `places` is where manifests go."""

    wanted: Wanted
    before: Before
    budget: Budget
    manifests: Path
    ignore: Ignore = field(default_factory=Ignore)
    walk_until: float = float("inf")
    monotonic: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._pseudo = pseudo_devices()
        self._items: list[Item] = []
        self._seen: set[str] = set()
        self._folders: list[str] = []
        self._collections: list[FileCollection] = []
        self._problems: list[str] = []
        self._parts = 0

    def run(self) -> Captured:
        """Look at everything that is wanted, in the order of its worth. Raises OSError."""
        wanted = self.wanted
        folders: list[tuple[str, str]] = []
        for pattern in wanted.inputs:
            folders += self._named(pattern, NAMED_INPUT)
        for pattern in wanted.outputs:
            folders += self._named(pattern, NAMED_OUTPUT)
        if wanted.own_streams:
            self._streams()
        for pattern in wanted.logs:
            self._named(pattern, DIRECTIVE, optional=True)
        for path in wanted.images:
            self._path(path, "input", IMAGE)
        for named in paths_in(wanted.argv, wanted.folder):
            folders += self._path(named.path, named.role, ARGUMENT)
        files = list(self._hashed(self._items))
        for path, origin in folders:
            self._folder(path, origin)
        if wanted.look_around:
            files += self._around()
        return Captured(tuple(files), tuple(self._collections), tuple(self._problems))

    def _named(self, pattern: str, origin: str, optional: bool = False) -> list[tuple[str, str]]:
        """Take the files of a path or glob; return its folders."""
        matches = matching(pattern, self.wanted.folder, self._walk_limits())
        if not matches and not optional:
            self._problems.append(f"{origin} {pattern}: there is no such file")
        if len(matches) > MAX_MEMBERS:
            self._many(pattern, matches, origin)
            return []
        role = "input" if origin == NAMED_INPUT else ""
        return [folder for match in matches for folder in self._path(match, role, origin)]

    def _many(self, pattern: str, matches: Sequence[str], origin: str) -> None:
        """Take the many files of a glob as one collection."""
        part = self._part("", origin, origin != NAMED_INPUT)

        def found() -> Iterator[Found]:
            for path in matches:
                with suppress(OSError, ValueError):
                    yield Found(path, os.stat(self._absolute(path)))  # noqa: PTH116

        only_changed = origin != NAMED_INPUT
        for member, change, hashed in self._judged(self._absolute(""), found(), only_changed):
            part.add(member, change, hashed)
            self._seen.add(self._absolute(member))
        if part.count:
            self._collections.append(part.collection("", label=pattern))

    def _walk_limits(self) -> Limits:
        return Limits(_MAX_WALKED, self.walk_until, self.monotonic)

    def _absolute(self, path: str) -> str:
        return os.path.normpath(os.path.join(self.wanted.folder, path))  # noqa: PTH118

    def _path(self, path: str, role: str, origin: str) -> list[tuple[str, str]]:
        """Take a path if it is a file; return it if it is a folder."""
        absolute = self._absolute(path)
        if absolute in self._seen:
            return []
        try:
            status = os.stat(absolute)  # noqa: PTH116 - as it was given
        except (OSError, ValueError) as error:
            words = getattr(error, "strerror", None) or str(error)
            self._add(Item(path, role or "output", origin, False, Change(False),
                            f"unreadable: {words}"))  # fmt: skip
            return []
        if stat.S_ISDIR(status.st_mode):
            self._seen.add(absolute)
            walked = origin != ARGUMENT or is_data_folder(absolute, self._absolute(""))
            return [(path, origin)] if walked else []
        if not stat.S_ISREG(status.st_mode) and origin == ARGUMENT:
            return []  # a terminal, /dev/null
        self._add(self._item(path, role, origin, status))
        return []

    def _item(self, path: str, role: str, origin: str, status: os.stat_result) -> Item:
        change = self.before.judge(self._absolute(path), status)
        if origin == NAMED_INPUT:
            note = "the job changed it: this is its state afterwards" if change.changed else ""
            return Item(path, role, origin, False, change, note, status)
        if origin in {NAMED_OUTPUT, DIRECTIVE} or change.changed:
            note = "" if change.changed else "not changed during the job"
            kind = "log" if origin == DIRECTIVE else written_role(path)
            return Item(path, kind, origin, True, change, note, status)
        role = role or read_role(path)
        if role == "input" and status.st_mode & 0o111:
            role = "program"
        return Item(path, role, origin, False, change, "", status)

    def _add(self, item: Item) -> None:
        self._seen.add(self._absolute(item.path))
        if len(self._items) < MAX_FILES:
            self._items.append(item)
        elif len(self._items) == MAX_FILES:
            self._problems.append(f"only {MAX_FILES} of the named files are listed")

    def _streams(self) -> None:
        """Take the files that our own streams are: the program had them too."""
        for fd, origin in _STANDARD:
            try:
                status = os.fstat(fd)
                path = os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115
                if not stat.S_ISREG(status.st_mode) or not os.path.samestat(status, os.stat(path)):  # noqa: PTH116
                    continue
            except OSError:
                continue
            if path in self._seen:
                continue
            if fd == 0:
                self._add(Item(path, "input", origin, False, Change(False), "", status))
            else:
                self._add(Item(path, "log", origin, True, Change(True), STILL_OPEN, status))

    def _hashed(self, items: Sequence[Item]) -> Iterator[FileRef]:
        """Yield the files with their checksums; those that have a note need none."""
        need = [item for item in items if item.status is not None and item.note != STILL_OPEN]
        results = iter(
            hash_all(
                ((self._absolute(item.path), item.status) for item in need),
                self.budget,
                self._pseudo,
            )
        )
        for item in items:
            if item.status is None or item.note == STILL_OPEN:
                version = None if item.status is None else version_of(item.status)
                yield file_ref(item, Hashed(item.path, version, None))
            else:
                yield file_ref(item, next(results))

    def _folder(self, path: str, origin: str) -> None:
        """Survey a folder: what the job changed in it, and what it did not, each a collection."""
        absolute = self._absolute(path)
        report = WalkReport()
        found = walk(absolute, self.ignore, self._walk_limits(), report)
        used, made = self._part(path, origin, False), self._part(path, origin, True)
        only_changed = origin == NAMED_OUTPUT
        for member, change, hashed in self._judged(absolute, found, only_changed):
            part = made if change.changed and origin != NAMED_INPUT else used
            part.add(member, change, hashed)
        for part in (used, made):
            if part.count:
                self._collections.append(part.collection(report.words()))
        if not used.count and not made.count and origin != ARGUMENT:
            self._problems.append(f"{origin} {path}: {report.words() or 'no files in it'}")
        self._folders.append(absolute)

    def _part(self, path: str, origin: str, generated: bool) -> Part:
        self._parts += 1
        return Part(path, origin, generated, self.manifests / f"{self._parts}.csv.gz")

    def _judged(
        self, absolute: str, found: Iterable[Found], only_changed: bool
    ) -> Iterator[tuple[str, Change, Hashed]]:
        """Yield members with what the job did to them; memory is that of what is under way."""
        under_way: deque[tuple[str, Change]] = deque()

        def wanted() -> Iterator[tuple[str, os.stat_result | None]]:
            for member in found:
                path = os.path.join(absolute, member.path)  # noqa: PTH118 - may be no text
                change = self.before.judge(path, member.status)
                if change.changed or not only_changed:
                    under_way.append((member.path, change))
                    yield path, member.status

        for hashed in hash_all(wanted(), self.budget, self._pseudo):
            member_path, change = under_way.popleft()
            yield member_path, change, hashed

    def _around(self) -> tuple[FileRef, ...]:
        """Return the files that the job made or changed in the folder in which it ran."""
        absolute = self._absolute("")
        report = WalkReport()
        until = min(self.walk_until, self.monotonic() + _MAX_WALK_UNNAMED_S)
        limits = Limits(_MAX_WALKED_UNNAMED, until, self.monotonic)
        found = (
            member
            for member in walk(absolute, self.ignore, limits, report)
            if not self._is_known(os.path.join(absolute, member.path))  # noqa: PTH118
        )
        part = self._part("", FOUND, True)
        for member, change, hashed in self._judged(absolute, found, only_changed=True):
            part.add(member, change, hashed)
        if report.stopped:
            self._problems.append(f"files of the working directory: {report.stopped}")
        if part.is_large:
            self._collections.append(part.collection(report.words()))
        return part.files()

    def _is_known(self, path: str) -> bool:
        return path in self._seen or any(
            path.startswith(f"{folder.rstrip('/')}/") for folder in self._folders
        )
