"""The files beside a document: are they there, and are they what the document says?"""

from __future__ import annotations

import csv
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, TypeGuard

from yprov_run.numerals import of_digits
from yprov_run.provenance.rules.findings import Finding, pointer
from yprov_run.provenance.vocabulary import term

_CHUNK = 1 << 20
_SIZE = "schema:contentSize"
_SHOWN = 20
_SAMPLES = "run:SampleFile"
_SAMPLE_TABLE = "run:SampleTable"


def check_side_files(
    document: Mapping[str, Any], folder: Path, progress: Callable[[float], None]
) -> Iterator[Finding]:
    """Hold every file that stands beside the document against its checksum and size.

    These are the entities with `schema:sha256` and a relative `prov:location`, but for files of
    the job itself (`run:File`), which may have changed since; samples of a job that was running may
    have grown. Where samples stand in a table and not in the document, its rows are held against
    the files. Nothing outside the folder is read; of several jobs' document, nothing outside the
    folder that the jobs are in. `progress` is called with the share that is done.
    """
    folder = folder.resolve()
    bound = folder.parent if is_campaign(document) else folder
    entities = document.get("entity")
    running = _running(document)
    listed = [
        (identifier, entity)
        for identifier, entity in (entities.items() if isinstance(entities, Mapping) else ())
        if is_beside(entity)
    ]
    tables = []
    for done, (identifier, entity) in enumerate(listed):
        progress(done / len(listed))
        may_grow = identifier.startswith(running) and entity.get("prov:type") == _SAMPLES
        problem = _problem(folder, bound, entity, may_grow)
        if problem:
            yield Finding(pointer("entity", identifier, "prov:location"), problem, "files")
        elif entity.get("prov:type") == _SAMPLE_TABLE:
            tables.append((identifier, entity))
    for identifier, entity in tables:
        place = pointer("entity", identifier, "prov:location")
        may_grow = identifier.startswith(running)
        for problem in _samples(folder, bound, entity, may_grow, progress):
            yield Finding(place, problem, "files")


def is_campaign(document: Mapping[str, Any]) -> bool:
    """Tell whether a document is ours of several jobs."""
    activities = document.get("activity")
    main = activities.get("campaign") if isinstance(activities, Mapping) else None
    return isinstance(main, Mapping) and main.get("prov:type") == term("Campaign")


def _running(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what the identifiers of each running job begin with: nothing, or its prefix."""
    activities = document.get("activity")
    return tuple(
        identifier.removesuffix("job")
        for identifier, record in (activities.items() if isinstance(activities, Mapping) else ())
        if identifier.rpartition(":")[2] == "job"
        and isinstance(record, Mapping)
        and record.get("run:state") == "running"
    )


def _samples(
    folder: Path,
    bound: Path,
    table: Mapping[str, Any],
    may_grow: bool,
    progress: Callable[[float], None],
) -> Iterator[str]:
    """Hold the files that a table of samples lists against their sizes and checksums."""
    job = folder / PurePosixPath(table["prov:location"]).parent.parent
    try:
        with (folder / table["prov:location"]).open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, ValueError, csv.Error) as error:
        yield f"{table['prov:location']!r}: {error}"
        return
    for done, row in enumerate(rows):
        progress(done / len(rows))
        path, size, checksum = row.get("path"), row.get("size_bytes"), row.get("sha256")
        if not path or checksum is None:
            yield f"{table['prov:location']!r}, row {done + 1}: no path or no checksum"
            continue
        listed = {"prov:location": path, _SIZE: size, "schema:sha256": checksum}
        if problem := _problem(job, bound, listed, may_grow):
            yield problem


def is_beside(entity: object) -> TypeGuard[Mapping[str, Any]]:
    """Tell whether an element is a file that a merge describes beside its document."""
    if not isinstance(entity, Mapping) or entity.get("prov:type") == "run:File":
        return False
    location, checksum = entity.get("prov:location"), entity.get("schema:sha256")
    is_path = isinstance(location, str) and "://" not in location and location[:1] != "/"
    return is_path and isinstance(checksum, str)


def _problem(folder: Path, bound: Path, entity: Mapping[str, Any], may_grow: bool) -> str:
    location: str = entity["prov:location"]
    path = Path(os.path.normpath(folder / location))
    if "\0" in location or not path.is_relative_to(bound):
        return f"{location!r} is outside the document's folder; not read"
    try:
        if not path.resolve().is_relative_to(bound):
            return f"{location!r} is a link out of the document's folder; not read"
        # Not blocking: a pipe in a file's place must not hold the check.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        return f"{location!r}: {getattr(error, 'strerror', None) or error}"
    try:
        problem, checksum = _look(descriptor, location, entity.get(_SIZE), may_grow)
    except OSError as error:
        return f"{location!r}: {error.strerror}"
    finally:
        os.close(descriptor)
    if not problem and checksum != entity["schema:sha256"]:
        problem = f"{location!r} has another checksum than the document says"
    return problem


def _look(descriptor: int, location: str, expected: object, may_grow: bool) -> tuple[str, str]:
    """Return what is wrong with an open file, and its SHA-256: of the part that is expected to be
    there, where it may have grown. Raises OSError."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return f"{location!r} is no regular file", ""
    left = status.st_size
    if isinstance(expected, str) and expected.isascii() and expected.isdigit():
        size = of_digits(expected)  # None: more than any file has
        if size is None or size > status.st_size or (size < status.st_size and not may_grow):
            says = expected[:_SHOWN]
            return f"{location!r} has {status.st_size} bytes, the document says {says}", ""
        left = size
    digest = hashlib.sha256()
    while left > 0 and (chunk := os.read(descriptor, min(left, _CHUNK))):
        digest.update(chunk)
        left -= len(chunk)
    return "", digest.hexdigest()
