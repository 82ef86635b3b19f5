"""Tables beside the document: one metric file per series in the family's layout, and the tasks."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from yprov_run.jobdir import JobDir, replace_file, safe_name
from yprov_run.model import Column, Job, NodeExecution, SideFile, Step
from yprov_run.trace import samples

MAX_METRIC_FILES = 2_000

# quantity: (metric name, factor to its unit, unit), named and scaled as the family's metrics are.
_SERIES = {
    "cpu_busy": ("cpu_usage_pct", 100.0, "%"),
    "memory_used": ("ram_usage_gb", 1 / 1024**3, "GiB"),
    "gpu_power": ("gpu_power", 1.0, "W"),
    "gpu_utilisation": ("gpu_usage_pct", 100.0, "%"),
    "gpu_memory_used": ("gpu_memory_usage_gb", 1 / 1024**3, "GiB"),
    "gpu_temperature": ("gpu_temperature_c", 1.0, "Cel"),
}
_TASK_FIELDS = (
    "step",
    "node",
    "rank",
    "local_rank",
    "pid",
    "exit_status",
    "signal",
    "gpus",
    "worker_of",
)


def write_side_files(job: Job, directory: JobDir) -> list[SideFile]:
    """Write all side files of a job and return them. Raises OSError if the folder refuses."""
    files = [_write_tasks(job, directory)]
    wanted = sum(
        len(_series(node.columns)) for step in job.steps for node in step.nodes if node.samples
    )
    if wanted <= MAX_METRIC_FILES:
        for step in job.steps:
            for node in step.nodes:
                files += _write_metrics(step, node, directory)
    return files


def _series(columns: Sequence[Column]) -> list[tuple[int, Column]]:
    return [
        (position, column)
        for position, column in enumerate(columns)
        if column.quantity.name in _SERIES
    ]


def _write_metrics(step: Step, node: NodeExecution, directory: JobDir) -> list[SideFile]:
    """Split one node's samples into a file per series: `epoch,value,timestep` (UTC ms)."""
    zero_ms = node.facts.get("utc_ms_at_zero")
    if node.samples is None or not isinstance(zero_ms, int):
        return []
    series = _series(node.columns)
    directory.metrics.mkdir(exist_ok=True)
    with ExitStack() as stack:
        tables = [
            stack.enter_context(_metric_table(step, node, column, directory))
            for _, column in series
        ]
        source = directory.path / node.samples.path
        for time_ms, values in _rows(source, len(node.columns)):
            for table, (position, _) in zip(tables, series, strict=True):
                table.add(zero_ms + time_ms, values[position])
    return [table.described() for table in tables if table.rows]


def _rows(path: Path, width: int) -> Iterator[samples.Row]:
    try:
        yield from samples.read_rows(path, width, samples.ReadReport())
    except OSError:
        return  # the gap is named where the figures are made


class _MetricTable:
    """One metric file as it is being written."""

    def __init__(self, stream: IO[bytes], factor: float, description: SideFile) -> None:
        self._stream = stream
        self._factor = factor
        self._description = description
        self._hash = hashlib.sha256()
        self._size = 0
        self.rows = 0
        self.write(b"epoch,value,timestep\n")

    def write(self, data: bytes) -> None:
        self._hash.update(data)
        self._size += len(data)
        self._stream.write(data)

    def add(self, utc_ms: int, value: int | None) -> None:
        if value is not None:
            self.write(b"%d,%s,%d\n" % (self.rows, b"%.10g" % (value * self._factor), utc_ms))
            self.rows += 1

    def described(self) -> SideFile:
        d = self._description
        return SideFile(
            d.path, d.name, self._size, self._hash.hexdigest(), self.rows, d.unit, d.context,
            d.source, d.step, d.node_key,
        )  # fmt: skip


@contextmanager
def _metric_table(
    step: Step, node: NodeExecution, column: Column, directory: JobDir
) -> Iterator[_MetricTable]:
    """Open a metric file under a temporary name; it gets its own when it is whole."""
    name, scale, unit = _SERIES[column.quantity.name]
    context = f"step{step.number}.{safe_name(node.key)}"
    source = "host" if column.device is None else f"gpu{column.device}"
    path = directory.metrics / f"{name}_{context}_{source}_GR0.csv"
    description = SideFile(
        path.relative_to(directory.path).as_posix(), name, 0, "", 0, unit, context, source,
        step.number, node.key,
    )  # fmt: skip
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as stream:
            table = _MetricTable(stream, column.quantity.factor * scale, description)
            yield table
        if table.rows:
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _write_tasks(job: Job, directory: JobDir) -> SideFile:
    """Write one row per task that announced itself."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_TASK_FIELDS)
    rows = 0
    for step in job.steps:
        for node in step.nodes:
            for task in node.tasks:
                writer.writerow(
                    (step.number, node.name, task.rank, task.local_rank, task.pid,
                     task.exit_status, task.signal, task.visible_gpus, task.worker_of)
                )  # fmt: skip
                rows += 1
    content = stream.getvalue().encode("utf-8", "replace")
    directory.artifacts.mkdir(exist_ok=True)
    path = directory.artifacts / "tasks.csv"
    replace_file(path, content)
    return SideFile(
        path.relative_to(directory.path).as_posix(),
        "tasks",
        len(content),
        hashlib.sha256(content).hexdigest(),
        rows,
    )
