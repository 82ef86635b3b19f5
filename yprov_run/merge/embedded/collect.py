"""Records of the job's program, copied beside the document and read from there.

The copies make a later merge, on another machine, give the same document: it finds them even
where the program's own folders are not.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from yprov_run.audience import audience
from yprov_run.jobdir import JobDir, replace_file
from yprov_run.merge import fields
from yprov_run.merge.embedded.hiding import without_secrets
from yprov_run.merge.embedded.mlflow import read_run
from yprov_run.merge.embedded.others import Others
from yprov_run.merge.embedded.search import Candidate, Kind, candidates
from yprov_run.merge.embedded.who import process_of, step_of, tasks_of
from yprov_run.merge.staging import make_folder, refuse_link
from yprov_run.model import Gap, Job, Json
from yprov_run.trace.opening import open_plain

_FOLDER = "embedded"
# When each was written, by name, in the order in which they were found: a copy of the job
# directory has other times.
_WRITTEN = "written"
_MAX_BYTES = 16 << 20
_MAX_ALL_BYTES = 256 << 20
_MLFLOW = ".mlflow.json"
_CLEAN = re.compile(r"[A-Za-z0-9._=+@-]+(/[A-Za-z0-9._=+@-]+)*\Z")
_OURS = b"w3id.org/yprov-run/terms"
_OF_THE_FAMILY = ("yProv4ML", "prov-ml")


@dataclass(frozen=True)
class Embedded:
    """A record of the job's program: where it stood, its copy in the job directory, what it says.

    `step` is the number of the step that wrote it; None where that cannot be told.
    """

    kind: Kind
    name: str
    location: str
    size_bytes: int
    sha256: str
    step: int | None
    content: Json


def collect(job: Job, directory: JobDir) -> tuple[list[Embedded], list[Gap]]:
    """Return the records that the job's program left, and what could not be read of them.

    Raises OSError if copies cannot be written, or would be written elsewhere.
    """
    folder = directory.artifacts / _FOLDER
    refuse_link(folder)
    gaps: list[Gap] = []
    written = _Written(folder)
    others = Others(directory)
    room = _MAX_ALL_BYTES
    for candidate in candidates(job, directory):
        content = _content(candidate, gaps)
        if content is None or _is_anothers(content, candidate, job, others):
            continue
        room -= len(content)
        if room < 0:
            gaps.append(Gap("embedded", f"more than {_MAX_ALL_BYTES >> 20} MiB: the rest is left"))
            break
        mode = audience(candidate.path, directory.path)
        name = _copy_name(candidate)
        if _copy(folder, name, without_secrets(content), mode) or name not in written.times_ms:
            written.times_ms[name] = candidate.modified_ms
    written.save()
    found: list[Embedded] = []
    seen: set[str] = set()
    for path in _copies(folder, list(written.times_ms)):
        record = _read(path, directory, job, written, gaps)
        # The same document in two places (an archive of the run, say) is one record.
        if record is not None and record.sha256 not in seen:
            seen.add(record.sha256)
            found.append(record)
    return found, gaps


class _Written:
    """When each record was written, in ms by the clock of the job's record, kept beside them."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _WRITTEN
        kept, _ = fields.load(self._path)
        times_ms = {name: fields.integer(kept, name) for name in kept}
        self._kept = {name: time for name, time in times_ms.items() if time is not None}
        self.times_ms = dict(self._kept)

    def save(self) -> None:
        """Write what is new. Raises OSError."""
        if self.times_ms != self._kept:
            replace_file(self._path, (json.dumps(self.times_ms, indent=1) + "\n").encode())

    def at(self, name: str, path: Path) -> int:
        """Return when a record was written; that of its copy where it is not kept."""
        kept = self.times_ms.get(name)
        return path.stat().st_mtime_ns // 1_000_000 if kept is None else kept


def _is_anothers(content: bytes, candidate: Candidate, job: Job, others: Others) -> bool:
    """Tell whether a document names a process that a job beside this one ran."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return False
    process = process_of(value) if isinstance(value, dict) else None
    if process is None or any(tasks_of(step, process) for step in job.steps):
        return False
    return others.ran(process, candidate.modified_ms)


def _content(candidate: Candidate, gaps: list[Gap]) -> bytes | None:
    """Return the bytes to keep of a candidate; None if it is no record, or a gap."""
    where = f"embedded {candidate.name}"
    if candidate.kind == "mlflow":
        run = read_run(candidate.path)
        return None if run is None else (json.dumps(run, indent=1, sort_keys=True) + "\n").encode()
    try:
        with open_plain(candidate.path, _MAX_BYTES) as stream:
            content = stream.read(_MAX_BYTES)
    except OSError as error:
        gaps.append(Gap(where, f"unreadable: {error.strerror}"))
        return None
    if _OURS in content:
        return None  # of this or another job, or of several
    # Any program may write prov*.json: only the family's are taken. Torn ones say so themselves.
    return content if any(mark.encode() in content for mark in _OF_THE_FAMILY) else None


def _copy_name(candidate: Candidate) -> str:
    name = candidate.name
    if candidate.kind == "mlflow":
        name = name.removesuffix("/meta.yaml") + _MLFLOW
    if _CLEAN.match(name) and len(name) <= 200:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return f"{digest}{_MLFLOW if candidate.kind == 'mlflow' else '.json'}"


def _copy(folder: Path, name: str, content: bytes, mode: int) -> bool:
    """Write a copy; tell whether that was needed. Raises OSError, also for a link on its way."""
    path = folder / name
    for above in reversed(PurePath(name).parents):
        make_folder(folder / above)
    try:
        if path.read_bytes() == content:
            return False
    except OSError:
        pass
    replace_file(path, content, mode)
    return True


def _copies(folder: Path, order: Sequence[str]) -> Sequence[Path]:
    """Return the copies in the order in which they were first found."""
    places = {folder / name: place for place, name in enumerate(order)}
    found = []
    for where, folders, names in os.walk(folder):
        folders.sort()
        found += [Path(where, name) for name in names if not name.startswith(".")]
    copies = (path for path in found if path != folder / _WRITTEN)
    return sorted(copies, key=lambda path: (places.get(path, len(order)), path))


def _read(
    path: Path, directory: JobDir, job: Job, written: _Written, gaps: list[Gap]
) -> Embedded | None:
    name = path.relative_to(directory.artifacts / _FOLDER).as_posix()
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return None
        content = path.read_bytes()
        modified_ms = written.at(name, path)
    except OSError as error:
        gaps.append(Gap(f"embedded {name}", f"unreadable: {error.strerror}"))
        return None
    value, repeated = _parsed(content)
    if not isinstance(value, dict):
        gaps.append(Gap(f"embedded {name}", "not a JSON object; it stands there as a file only"))
        value = {}
    if repeated:
        words = f"{repeated} names stand twice in one object: the last is taken"
        gaps.append(Gap(f"embedded {name}", words))
    return Embedded(
        kind="mlflow" if name.endswith(_MLFLOW) else "yprov4ml",
        name=name,
        location=path.relative_to(directory.path).as_posix(),
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        step=step_of(job, value, modified_ms),
        content=value,
    )


def _parsed(content: bytes) -> tuple[object, int]:
    """Return what a JSON file holds, None if it is torn; and how many names it has repeated."""
    repeated = 0

    def take(pairs: list[tuple[str, object]]) -> Json:
        nonlocal repeated
        taken = dict(pairs)
        repeated += len(pairs) - len(taken)
        return taken

    try:
        return json.loads(content, object_pairs_hook=take), repeated
    except (ValueError, RecursionError):
        return None, 0
