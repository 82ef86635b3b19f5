"""Which job a reader means: a job directory's path, or a job's number below a folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from yprov_run.errors import YprovError
from yprov_run.jobdir import JobDir


def is_folder(path: Path) -> bool:
    """Tell whether a path is a folder. Raises YprovError where one may not look."""
    return stat.S_ISDIR(_kind(path))


def is_plain_file(path: Path) -> bool:
    """Tell whether a path is a file. Raises YprovError where one may not look."""
    return stat.S_ISREG(_kind(path))


def _kind(path: Path) -> int:
    """Return what the system says a path is; 0 of nothing."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return 0
    except PermissionError as error:
        raise YprovError(f"{path}: {error.strerror}; ask its owner to let you in") from error
    except OSError as error:
        raise YprovError(f"{path}: {error.strerror}; give a job directory or a job id") from error


def find_job(reference: str, base: Path) -> JobDir:
    """Return the job directory that a path or a job id names, or raise YprovError."""
    path = Path(reference)
    if is_folder(path):
        directory = JobDir(path.resolve())
        if not is_folder(directory.record):
            raise YprovError(
                f"{reference}: not a job directory of yprov-run (it has no record/ folder)"
            )
        return directory
    if _is_number(reference):
        return _find_by_number(reference, base, JobDir.is_ours)
    raise YprovError(f"{reference}: no such directory; give a job directory or a job id")


def find_documented(reference: str, base: Path) -> JobDir:
    """Return the directory with a document or a record that a path or a job id names.

    The document is enough: the record may be long gone, or the document be that of a campaign.
    Raises YprovError where there is neither.
    """
    path = Path(reference)
    if is_folder(path):
        directory = JobDir(path.resolve())
        if not is_plain_file(directory.document) and not is_folder(directory.record):
            raise YprovError(f"{reference}: not a job directory (no prov.json, no record/ in it)")
        return directory
    if _is_number(reference):
        return _find_by_number(reference, base, lambda job: job.is_merged() or job.is_ours())
    raise YprovError(f"{reference}: no such document; give a job's directory, prov.json or id")


def _is_number(reference: str) -> bool:
    return reference.isascii() and reference.isdigit()


def _find_by_number(number: str, base: Path, is_wanted: Callable[[JobDir], bool]) -> JobDir:
    try:
        names = os.listdir(base) if is_folder(base) else []  # noqa: PTH208 - names, not paths
    except OSError as error:
        raise YprovError(f"{base}: {error.strerror}; give the job's directory") from error
    there = [JobDir(base / name) for name in sorted(names) if name.endswith(f"_{number}")]
    found = [directory for directory in there if is_wanted(directory)]
    if len(found) > 1:
        words = ", ".join(directory.path.name for directory in found)
        raise YprovError(f"job {number} is ambiguous in {base}: {words}; give the directory")
    if found:
        return JobDir(found[0].path.resolve())
    for directory in there:
        is_folder(directory.record)  # says so where one may not look
    raise YprovError(f"no job {number} in {base}; say where with --dir")
