"""Which inputs of a job are not what they were, by the checksums that were taken of them."""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from yprov_run.capture.hashing import Budget, Hashed, hash_all
from yprov_run.capture.manifest import Manifest
from yprov_run.capture.walk import Ignore, Limits, WalkReport, below, matching, walk
from yprov_run.cli.after import file_settings
from yprov_run.report.conditions import Record, uses
from yprov_run.report.reading import Document, elements, value
from yprov_run.safefile import pseudo_devices

_MOST_NAMED = 20
_MOST_WALKED = 2_000_000
_NO_TEXT = "\ufffd"
_KINDS = ("run:File", "prov:Collection", "run:Program", "run:Module", "run:Requirements")


def input_differences(document: Document, steps: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each input that differs today; `steps` are activities with their folders."""
    settings = file_settings(os.environ, Path())
    budget = Budget(settings.seconds, settings.size_bytes)
    differing = 0
    for line in _Inputs(document, steps, budget, Ignore(settings.ignore)).differences():
        differing += 1
        if differing <= _MOST_NAMED:
            yield line
    if differing > _MOST_NAMED:
        yield f"and {differing - _MOST_NAMED} more inputs"


class _Inputs:
    def __init__(
        self, document: Document, steps: Mapping[str, str], budget: Budget, ignore: Ignore
    ) -> None:
        self._budget = budget
        self._ignore = ignore
        self._pseudo = pseudo_devices()
        self._members = [
            (str(value(record.get("prov:collection"))), str(value(record.get("prov:entity"))))
            for record in elements(document, "hadMember").values()
        ]
        made = {
            str(value(relation.get("prov:entity")))
            for relation in elements(document, "wasGeneratedBy").values()
        }
        self._used: dict[str, tuple[str, Record]] = {
            use.identifier: (steps[use.step], use.entity)
            for use in uses(document, steps, *_KINDS)
            if use.identifier not in made
        }

    def differences(self) -> Iterator[str]:
        """Yield what differs: folders first, so that their files are read once."""
        same: set[str] = set()
        for identifier, (folder, record) in self._used.items():
            if record.get("prov:type") != "prov:Collection":
                continue
            line = self._of_folder(folder, record)
            members = {member for owner, member in self._members if owner == identifier}
            if not line:
                same |= members
            elif not members:
                yield line
        files = {
            _named(os.path.join(folder, _path(record))): record  # noqa: PTH118 - as it was given
            for identifier, (folder, record) in self._used.items()
            if record.get("prov:type") != "prov:Collection" and identifier not in same
        }
        found = hash_all(((path, None) for path in files), self._budget, self._pseudo)
        for hashed, record in zip(found, files.values(), strict=True):
            if line := _difference(hashed, record):
                yield line

    def _of_folder(self, folder: str, record: Record) -> str:
        """Return how a folder or glob of many files differs, or nothing."""
        name = _path(record)
        top = os.path.join(folder, name)  # noqa: PTH118 - as it was given
        limits = Limits(_MOST_WALKED, float("inf"))
        report = WalkReport()
        is_folder = os.path.isdir(top)  # noqa: PTH112
        found = (
            list(walk(top, self._ignore, limits, report))
            if is_folder
            else list(below(matching(name, folder, limits), folder, self._ignore, limits, report))
        )
        base = top if is_folder else folder
        paths = ((os.path.join(base, one.path), one.status) for one in found)  # noqa: PTH118
        with tempfile.TemporaryDirectory() as place:
            sums = Manifest(Path(place) / "members.csv.gz")
            for one, hashed in zip(found, hash_all(paths, self._budget, self._pseudo), strict=True):
                sums.add(one.path, hashed)
            sums.close()
        if sums.sha256 == value(record.get("run:collectionSha256")):
            return ""
        then = value(record.get("run:memberCount"))
        if sums.count != then:
            return f"input {name} is not what it was: {sums.count} files, not {then}"
        if sums.unhashed_count or value(record.get("run:unhashedCount")):
            return f"input {name} may not be what it was: not all of it has a checksum"
        return f"input {name} is not what it was: its checksum differs"


def _named(path: str) -> str:
    """Return the one file that a path stands for in which what is no text was replaced."""
    if _NO_TEXT not in path or os.path.lexists(path):
        return path
    found = glob.glob(glob.escape(path).replace(_NO_TEXT, "?"))  # noqa: PTH207 - as it was given
    return found[0] if len(found) == 1 else path


def _path(record: Record) -> str:
    return str(value(record.get("prov:location")) or "").replace("\0", "")


def _difference(hashed: Hashed, record: Record) -> str:
    """Return how a file differs, or nothing; by its size where it has no checksum."""
    name, digest = _path(record), value(record.get("schema:sha256"))
    kind = str(value(record.get("prov:type"))).rpartition(":")[2].lower()
    what = f"{'input' if kind == 'file' else kind} {name}"
    size = str(value(record.get("schema:contentSize")) or "")
    if hashed.version is None:
        return f"{what}: {hashed.note.removeprefix('unreadable: ')}"
    if size and str(hashed.version.size_bytes) != size:
        return f"{what} is not what it was: {hashed.version.size_bytes} bytes, not {size}"
    if digest and hashed.sha256 is None:
        return f"{what} may not be what it was: {hashed.note}"
    if digest and hashed.sha256 != digest:
        return f"{what} is not what it was: its checksum differs"
    return ""
