"""Where a job's program may have left records of its own: a bounded look at its folders."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from yprov_run.model import Job

# Breadth first, so that what stands near the job's folder is found before a limit is met.
_MAX_ENTRIES = 20_000
_MAX_DEPTH = 6
_MAX_FOUND = 20_000
_MARGIN_MS = 5_000
_DOCUMENT = re.compile(r"prov.*\.json\Z", re.IGNORECASE)
_RUN = "meta.yaml"
_NOT_LOOKED_INTO = frozenset({"node_modules", "site-packages", "__pycache__", "record"})

Kind = Literal["yprov4ml", "mlflow"]


@dataclass(frozen=True)
class Candidate:
    """A file that may be a record: `name` is its path below the folder that was looked through."""

    kind: Kind
    path: Path
    name: str
    modified_ms: int


def candidates(job: Job) -> Iterator[Candidate]:
    """Yield files that were written during the job below its steps' folders, each file once."""
    if job.started_ms is None:
        return
    began, ended = job.started_ms - _MARGIN_MS, (job.ended_ms or 1 << 62) + _MARGIN_MS
    seen: set[str] = set()
    found = 0
    for root in _roots(job):
        for candidate in _walk(root):
            real = os.path.realpath(candidate.path)
            if real in seen or not began <= candidate.modified_ms <= ended:
                continue
            seen.add(real)
            yield candidate
            found += 1
            if found >= _MAX_FOUND:
                return


def _roots(job: Job) -> Sequence[Path]:
    """Return the working directories, and folders of outputs that are not below one of them."""
    roots: list[Path] = []
    for step in job.steps:
        cwd = Path(step.cwd)
        outputs = [cwd / file.path for file in step.files if file.role == "output"]
        for path in (cwd, *(output.parent for output in outputs)):
            if path.is_absolute() and "\0" not in str(path):
                known = any(path.is_relative_to(root) for root in roots)
                if not known and path != Path(path.anchor):
                    roots.append(path)
    return roots


def _walk(root: Path) -> Iterator[Candidate]:
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
            candidate = _candidate(entry, root)
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


def _candidate(entry: os.DirEntry[str], root: Path) -> Candidate | None:
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
        modified_ms = entry.stat(follow_symlinks=False).st_mtime_ns // 1_000_000
    except OSError:
        return None
    path = Path(entry.path)
    return Candidate(kind, path, path.relative_to(root).as_posix(), modified_ms)
