"""Tables beside the document, written a row at a time: a row per task, GPU, or file."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

from yprov_run.jobdir import JobDir
from yprov_run.merge import rows, side_by_side
from yprov_run.merge.detail import FULL, Detail
from yprov_run.merge.rows import Row
from yprov_run.merge.staging import Staging, make_folder
from yprov_run.model import Job, SideFile

_ROWS_AT_ONCE = 512
_MANY_NODES = 500


@contextmanager
def writing_tables(
    job: Job, directory: JobDir, detail: Detail, staging: Staging
) -> Iterator[Callable[[], list[SideFile]]]:
    """Write the job's tables, beside us where there are many rows; yield what returns them.

    Those of nodes, samples and zones only where not all of it stands in the document. OSError is
    raised if the folder refuses.
    """
    make_folder(directory.artifacts)
    nodes = job.nodes
    wanted = [("tasks", rows.TASKS, rows.task_rows)]
    if any(node.devices for node in nodes):
        wanted.append(("devices", rows.DEVICES, rows.device_rows))
    if detail != FULL:
        wanted.append(("nodes", rows.NODES, rows.node_rows))
        wanted.append(("samples", rows.SAMPLES, rows.sample_rows))
        if any(node.zones for node in nodes):
            wanted.append(("zones", rows.ZONES, rows.zone_rows))
    # Here, and not beside us: what was begun is removed by who does the staging.
    paths = {name: staging.temporary(directory.artifacts / f"{name}.csv") for name, _, _ in wanted}

    def write() -> list[SideFile]:
        return [
            _write(directory, paths[name], name, columns, every(job))
            for name, columns, every in wanted
        ]

    with side_by_side.beside(write, len(nodes) >= _MANY_NODES) as result:
        yield result


class _Hashed:
    """A file whose checksum and size are known when it has been written."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    def write(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        self._hash.update(data)
        self.size_bytes += len(data)
        self._stream.write(data)

    def sha256(self) -> str:
        return self._hash.hexdigest()


def _write(
    directory: JobDir, temporary: Path, name: str, columns: dict[str, str], found: Iterable[Row]
) -> SideFile:
    path = directory.artifacts / f"{name}.csv"
    count = 0
    with temporary.open("wb") as stream:
        hashed = _Hashed(stream)
        hashed.write(_lines([list(columns)]))
        every = iter(found)
        while some := list(islice(every, _ROWS_AT_ONCE)):
            hashed.write(_lines(some))
            count += len(some)
    return SideFile(
        path=Path(path).relative_to(directory.path).as_posix(),
        name=name,
        size_bytes=hashed.size_bytes,
        sha256=hashed.sha256(),
        rows=count,
        columns=tuple(columns.items()),
    )


def _lines(some: Sequence[Row]) -> str:
    """Return rows as CSV, each on one line."""
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(some)
    written = text.getvalue()
    # To look at all cells together, and at each only where one of them is odd, is much quicker.
    if written.count("\n") == len(some) and written.replace("\n", "").isprintable():
        return written
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows([map(_one_line, row) for row in some])
    return text.getvalue()


def _one_line(cell: object) -> object:
    """Keep a row on its line whatever a name holds, so that rows can be counted by lines."""
    if isinstance(cell, str) and not cell.isprintable():
        return cell.encode("unicode_escape").decode()
    return cell
