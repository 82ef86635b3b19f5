"""Jobs below a folder as rows, fast: from an index that may be deleted at any time."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from yprov_run import __version__
from yprov_run.audience import common, mode_of
from yprov_run.errors import YprovError
from yprov_run.jobdir import JobDir, campaign_document, index_file, replace_file
from yprov_run.report.reading import document_of, elements, main_activity, structure, value
from yprov_run.report.where import Row, figure

Entries = dict[str, dict[str, Any]]  # of the index: a document's stamp and its row, by directory

_LARGEST_INDEX_BYTES = 256 << 20
_OMITTED = {
    "gaps", "schedulerVariables", "schedulerFacts", "accountingStarts", "accountingMembers",
    "accountingSteps",
}  # fmt: skip
_DROPPED_TYPES = (dict, list)
_UNREADABLE = "unreadable"


def rows(base: Path) -> list[Row]:
    """Return one row per job directory below a folder, by directory name.

    Rows of merged jobs come from the index where their document has not changed since; the index
    is written anew where it was not true, and nothing is said if it cannot be.
    """
    known = _read_index(index_file(base))
    found: list[Row] = []
    lasting: Entries = {}
    modes = []
    for name, stamp, mode in _job_dirs(base):
        entry = known.get(name)
        if entry is None or not stamp or entry.get("stamp") != stamp:
            entry = {"stamp": stamp, "row": _row_or_problem(JobDir(base / name))}
        found.append({**entry["row"], "directory": name})
        # A job without a document may change at any moment; what one may not read, another may.
        if stamp and not _is_problem(entry["row"]):
            lasting[name] = entry
            modes.append(mode)
    _keep(index_file(base), known, lasting, common(modes))
    return found


def _keep(path: Path, known: Entries, lasting: Entries, mode: int) -> None:
    """Write the index where it was not true, or is for more people than `mode` says."""
    if lasting == known and not mode_of(path) & ~mode:
        return
    content = json.dumps({"version": __version__, "jobs": lasting}).encode()
    with contextlib.suppress(OSError):
        replace_file(path, content, mode)


def _job_dirs(base: Path) -> Iterator[tuple[str, str, int]]:
    """Yield the job directories' names, each with a stamp of its document and who may read it.

    The stamp is empty where there is no document.
    """
    try:
        with os.scandir(base) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
        together = campaign_document(base).parent.name
        names = [name for name in names if name != together]  # it is of several jobs, no job
    except OSError as error:
        raise YprovError(f"{base}: {error.strerror}; say where jobs are") from error
    for name in names:
        job = f"{base}/{name}"
        try:
            state = os.stat(f"{job}/prov.json")  # noqa: PTH116 - a thousand times over
            yield name, f"{state.st_mtime_ns}.{state.st_size}.{state.st_ino}", state.st_mode
        except OSError:
            if os.path.isdir(f"{job}/record"):  # noqa: PTH112
                yield name, "", 0


def _read_index(path: Path) -> Entries:
    try:
        if path.stat().st_size > _LARGEST_INDEX_BYTES:
            return {}
        index = json.loads(path.read_bytes())
        jobs = index["jobs"] if index["version"] == __version__ else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    if not isinstance(jobs, dict):
        return {}
    return {
        name: entry
        for name, entry in jobs.items()
        if isinstance(entry, dict)
        and isinstance(entry.get("row"), dict)
        and not _is_problem(entry["row"])
    }


def _row_or_problem(directory: JobDir) -> Row:
    try:
        return row(document_of(directory))
    except YprovError as error:
        return {"name": directory.name, "number": directory.number, "state": _UNREADABLE,
                "problem": str(error)}  # fmt: skip


def _is_problem(row: Row) -> bool:
    return row.get("state") == _UNREADABLE


def row(document: Any) -> Row:
    """Return a job's own figures and facts as one flat row; tags are `tag.KEY`."""
    _, activity = main_activity(document)
    result: Row = {
        "name": value(activity.get("prov:label")) or "",
        "number": value(activity.get("schema:identifier")) or "",
        "started": value(activity.get("prov:startTime")),
        "ended": value(activity.get("prov:endTime")),
        "user": _user(document),
    }
    started, ended = moment_s(result["started"]), moment_s(result["ended"])
    result["time"] = None if started is None or ended is None else round(ended - started, 3)
    for name, attribute in activity.items():
        prefix, _, local = name.partition(":")
        if prefix == "run" and local not in _OMITTED:
            found = structure(attribute) if local in {"tags", "taskEndings"} else value(attribute)
            if local == "tags" and isinstance(found, dict):
                result.update({f"tag.{key}": text for key, text in found.items()})
            elif not isinstance(found, _DROPPED_TYPES):
                result[local] = found
    command = elements(document, "entity").get("execution_command", {})
    result["command"] = value(command.get("prov:value")) or ""
    return result


def _user(document: Any) -> str:
    for record in elements(document, "agent", "prov:Person").values():
        return str(value(record.get("prov:label")) or "")
    return ""


def moment_s(text: object) -> float | None:
    """Return a time in ISO 8601 as seconds since the epoch, UTC where it does not say."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()


def ordered(found: list[Row], field: str) -> list[Row]:
    """Return rows by a field, downwards where its name has a `-` before it; without it, last."""
    down = field.startswith("-")
    name = field.lstrip("-")
    having = [row for row in found if row.get(name) not in (None, "")]
    figures = {id(row): figure(row[name]) for row in having}
    if None in figures.values():
        having.sort(key=lambda row: str(row[name]), reverse=down)
    else:
        having.sort(key=lambda row: figures[id(row)] or 0.0, reverse=down)
    return having + [row for row in found if row.get(name) in (None, "")]
