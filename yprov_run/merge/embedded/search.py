"""Where a job's program may have left records of its own: a bounded look at its folders."""

from __future__ import annotations

import hashlib
import os
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from yprov_run.jobdir import JobDir, StepDir
from yprov_run.model import Job

# Breadth first, so that what stands near the job's folder is found before a limit is met.
_MAX_ENTRIES = 20_000
_MAX_DEPTH = 6
_MAX_FOUND = 20_000
_MARGIN_MS = 5_000  # where a file system's clock is not known
_NODES_MARGIN_MS = 250  # some file systems take the time of the node that writes
_DOCUMENT = re.compile(r"prov.*\.json\Z", re.IGNORECASE)
_RUN = "meta.yaml"
_NOT_LOOKED_INTO = frozenset({"node_modules", "site-packages", "__pycache__", "record"})

Kind = Literal["yprov4ml", "mlflow"]


@dataclass(frozen=True)
class Candidate:
    """A file that may be a record: `name` is the same in every merge, and no other's.

    `modified_ms` is by the clock of the job's record, as far as `device`'s is known.
    """

    kind: Kind
    path: Path
    name: str
    modified_ms: int
    device: int


def candidates(job: Job, directory: JobDir) -> Iterator[Candidate]:
    """Yield files that were written during the job below its steps' folders, each file once."""
    if job.started_ms is None:
        return
    offsets_ms = _offsets(job, directory)
    seen: set[str] = set()
    found = 0
    first = _folder(job.steps[0].cwd)
    for root in _roots(job):
        for candidate in _walk(root, first):
            real = os.path.realpath(candidate.path)
            time_ms = candidate.modified_ms + offsets_ms.get(candidate.device, 0)
            known = candidate.device in offsets_ms
            began = job.started_ms - (0 if known else _MARGIN_MS)
            ended = (job.ended_ms or 1 << 62) + (_NODES_MARGIN_MS if known else _MARGIN_MS)
            if real in seen or not began <= time_ms <= ended:
                continue
            seen.add(real)
            yield replace(candidate, modified_ms=time_ms)
            found += 1
            if found >= _MAX_FOUND:
                return


def _offsets(job: Job, directory: JobDir) -> Mapping[int, int]:
    """Return by how many ms the record's clock is ahead of a device's, for the record's device.

    A step's first file was written at its launch. In a copy of the record its time says nothing.
    """
    first = min(
        (step for step in job.steps if step.started_ms is not None),
        key=lambda step: step.started_ms or 0,
    )
    try:
        status = StepDir(directory.steps_dir / str(first.number)).command.stat()
    except OSError:
        return {}
    offset_ms = (first.started_ms or 0) - status.st_mtime_ns // 1_000_000
    return {status.st_dev: offset_ms} if abs(offset_ms) <= _MARGIN_MS else {}


def _roots(job: Job) -> Sequence[Path]:
    """Return the working directories, and folders of outputs that are not below one of them."""
    roots: list[Path] = []
    for step in job.steps:
        cwd = _folder(step.cwd)
        outputs = [_folder(cwd / file.path) for file in step.files if file.role == "output"]
        for path in (cwd, *(output.parent for output in outputs)):
            if path.is_absolute() and "\0" not in str(path):
                known = any(path.is_relative_to(root) for root in roots)
                if not known and path != Path(path.anchor):
                    roots.append(path)
    return roots


def _folder(path: str | Path) -> Path:
    return Path(os.path.normpath(path))  # a name with `..` would lead out of the copies' folder


def _walk(root: Path, first: Path) -> Iterator[Candidate]:
    waiting = deque([(str(root), 0)])
    entries = 0
    while waiting:
        folder, depth = waiting.popleft()
        try:
            with os.scandir(folder) as found:
                listed = sorted(found, key=lambda entry: entry.name)
        except OSError:
            continue
        entries += len(listed)
        names = {entry.name for entry in listed}
        if "record" in names and depth:
            continue  # a job directory of ours, this job's or another's
        for entry in listed:
            candidate = _candidate(entry, first)
            if candidate is not None:
                yield candidate
        if depth < _MAX_DEPTH and entries < _MAX_ENTRIES:
            waiting.extend((entry.path, depth + 1) for entry in listed if _is_folder(entry))
        if entries >= _MAX_ENTRIES:
            return


def _is_folder(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith(".") or entry.name in _NOT_LOOKED_INTO:
        return False
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _candidate(entry: os.DirEntry[str], first: Path) -> Candidate | None:
    kind: Kind
    if entry.name == _RUN:
        kind = "mlflow"
    elif _DOCUMENT.match(entry.name):
        kind = "yprov4ml"
    else:
        return None
    try:
        if not entry.is_file(follow_symlinks=False):
            return None
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    path = Path(entry.path)
    modified_ms = status.st_mtime_ns // 1_000_000
    return Candidate(kind, path, _name(path, first), modified_ms, status.st_dev)


def _name(path: Path, first: Path) -> str:
    """Return a file's path below the first step's folder; for one elsewhere, a name that tells its
    own folder.

    Not by the folder that it was found from: a further step may bring one around it.
    """
    if path.is_relative_to(first):
        return path.relative_to(first).as_posix()
    folder = hashlib.sha256(os.fsencode(path.parent)).hexdigest()[:12]
    return f"{path.parent.name}.{folder}/{path.name}"
