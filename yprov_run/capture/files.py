"""What a step read and wrote: files that were named, and files that it made or changed.

Done when the step has ended. Checksums are taken in parallel and within a budget; where it is
spent, size, time and inode stand for the content, and each file says so.
"""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from yprov_run.capture.before import UNCHANGED, Before, Change
from yprov_run.capture.collect import Item, Part, file_ref
from yprov_run.capture.commandline import is_data_folder, paths_in
from yprov_run.capture.hashing import Budget, Hashed, Version, hash_all, version_of
from yprov_run.capture.items import (
    ARGUMENT,
    AS_IT_WAS,
    DIRECTIVE,
    FOUND,
    GONE,
    IMAGE,
    NAMED_INPUT,
    NAMED_OUTPUT,
    STILL_OPEN,
    WRITTEN,
    gone_item,
    items_of,
    stream_items,
    unreadable_item,
)
from yprov_run.capture.manifest import MAX_MEMBERS
from yprov_run.capture.walk import Found, Ignore, Limits, WalkReport, below, matching, walk
from yprov_run.kinds.files import FileCollection, FileRef
from yprov_run.light import NamedTuple
from yprov_run.safefile import pseudo_devices

MAX_FILES = 1_000
_MAX_WALKED = 2_000_000
_MAX_WALKED_UNNAMED = 200_000
_MAX_WALK_UNNAMED_S = 10.0
_ONLY_CHANGED = WRITTEN | {FOUND}


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
        self._folders: set[str] = set()
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
            for item in stream_items():
                if item.path not in self._seen:
                    self._add(item)
        for pattern in wanted.logs:
            self._named(pattern, DIRECTIVE, optional=True)
        for path in wanted.images:
            self._path(path, "input", IMAGE)
        for named in paths_in(wanted.argv, wanted.folder, self.before.files):
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
        gone: dict[str, Version] = {}
        if origin == NAMED_INPUT and matches != [pattern]:
            if self.before.gone_below(self._absolute(pattern)):
                return [(pattern, origin)]  # a folder, and all of it
            gone = self.before.gone_of(pattern, self.wanted.folder)
        if not matches and not gone and not optional:
            self._problems.append(f"{origin} {pattern}: there is no such file")
        if len(matches) + len(gone) > MAX_MEMBERS:
            self._many(pattern, matches, gone, origin)
            return []
        role = "input" if origin == NAMED_INPUT else ""
        named = sorted((*matches, *gone), key=os.fsencode)
        return [folder for match in named for folder in self._path(match, role, origin)]

    def _many(
        self, pattern: str, matches: Sequence[str], gone: Mapping[str, Version], origin: str
    ) -> None:
        """Take the many files of a glob, and of the folders that it matches, as one thing."""
        report = WalkReport()
        found = below(matches, self._absolute(""), self.ignore, self._walk_limits(), report)
        parts = self._sorted("", origin, found, gone, self._is_known)
        self._collect(parts, report, label=pattern)
        for path in map(self._absolute, matches):
            (self._folders if os.path.isdir(path) else self._seen).add(path)  # noqa: PTH112

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
            was = self.before.gone(absolute)
            self._add(
                gone_item(path, role, origin, was)
                if was
                else unreadable_item(path, role, origin, error)
            )
            return []
        if stat.S_ISDIR(status.st_mode):
            self._seen.add(absolute)
            walked = origin != ARGUMENT or is_data_folder(absolute, self._absolute(""))
            return [(path, origin)] if walked else []
        if not stat.S_ISREG(status.st_mode) and origin == ARGUMENT:
            return []  # a terminal, /dev/null
        change = self._judge(absolute, status, origin)
        if change.is_new and origin == NAMED_INPUT:
            self._problems.append(f"{origin} {path}: it was not there when the job began")
        for item in items_of(path, role, origin, change, status):
            self._add(item)
        return []

    def _judge(self, absolute: str, status: os.stat_result, origin: str) -> Change:
        """Tell what the job did to a file; an input, only if there is no doubt."""
        change = self.before.judge(absolute, status)
        if change.note and origin == NAMED_INPUT:
            return Change(False, note=change.note)
        return change

    def _add(self, item: Item) -> None:
        self._seen.add(self._absolute(item.path))
        if len(self._items) < MAX_FILES:
            self._items.append(item)
        elif len(self._items) == MAX_FILES:
            self._problems.append(f"only {MAX_FILES} of the named files are listed")

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
                version = item.known if item.status is None else version_of(item.status)
                yield file_ref(item, Hashed(item.path, version, None))
            else:
                yield file_ref(item, next(results))

    def _folder(self, path: str, origin: str) -> None:
        """Survey a folder: what the job changed in it, and what it did not, each a collection."""
        absolute = self._absolute(path)
        report = WalkReport()
        found = walk(absolute, self.ignore, self._walk_limits(), report)
        gone = self.before.gone_below(absolute) if origin == NAMED_INPUT else {}
        # What was named by itself is told already; but an output's collection is whole.
        is_told = self._seen.__contains__ if origin == NAMED_INPUT else _never
        parts = self._sorted(path, origin, found, gone, is_told)
        self._collect(parts, report)
        if not any(part.count for part in parts) and origin != ARGUMENT:
            self._problems.append(f"{origin} {path}: {report.words() or 'no files in it'}")
        self._folders.add(absolute)

    def _sorted(
        self,
        path: str,
        origin: str,
        found: Iterable[Found],
        gone: Mapping[str, Version],
        is_told: Callable[[str], bool],
    ) -> tuple[Part, Part]:
        """Return what was read, as far as it is asked for, and what was written and is not told."""
        used, made = self._part(path, origin, False), self._part(path, origin, True)
        absolute = self._absolute(path)
        for member, change, hashed in self._judged(absolute, found, origin):
            if not change.changed:
                used.add(member, change, hashed)
                continue
            if change.before and origin == NAMED_INPUT:
                used.add(member, UNCHANGED, Hashed(member, change.before, None, AS_IT_WAS))
            if not is_told(os.path.join(absolute, member)):  # noqa: PTH118 - may be no text
                made.add(member, change, hashed)
        for member, was in gone.items():
            used.add(member, UNCHANGED, Hashed(member, was, None, GONE))
        return used, made

    def _collect(self, parts: Iterable[Part], report: WalkReport, label: str = "") -> None:
        self._collections += [
            part.collection(report.words(), label) for part in parts if part.count
        ]

    def _part(self, path: str, origin: str, generated: bool) -> Part:
        self._parts += 1
        return Part(path, origin, generated, self.manifests / f"{self._parts}.csv.gz")

    def _judged(
        self, absolute: str, found: Iterable[Found], origin: str
    ) -> Iterator[tuple[str, Change, Hashed]]:
        """Yield members with what the job did to them: all, or where nothing else was asked for,
        those that it made or changed. Memory is that of what is under way."""
        under_way: deque[tuple[str, Change]] = deque()

        def wanted() -> Iterator[tuple[str, os.stat_result | None]]:
            for member in found:
                path = os.path.join(absolute, member.path)  # noqa: PTH118 - may be no text
                change = self._judge(path, member.status, origin)
                if change.changed or origin not in _ONLY_CHANGED:
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
        for member, change, hashed in self._judged(absolute, found, FOUND):
            part.add(member, change, hashed)
        if report.stopped:
            self._problems.append(f"files of the working directory: {report.stopped}")
        if part.is_large:
            self._collections.append(part.collection(report.words()))
        return part.files()

    def _is_known(self, path: str) -> bool:
        return path in self._seen or any(folder in self._folders for folder in _above(path))


def _above(path: str) -> Iterator[str]:
    while path not in {"/", ""}:
        path = os.path.dirname(path)  # noqa: PTH120 - may be no text
        yield path


def _never(path: str) -> bool:
    del path
    return False
