"""Files beside the document: one metric file per series in the family's layout, and the tables."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from yprov_run.jobdir import JobDir, safe_name
from yprov_run.merge.detail import Detail
from yprov_run.merge.tables import write_tables
from yprov_run.model import Column, Job, NodeExecution, SideFile, Step
from yprov_run.trace import samples

MAX_METRIC_FILES = 2_000
MAX_METRIC_ROWS = 10_000_000

# quantity: (metric name, factor to its unit, unit), named and scaled as the family's metrics are.
_SERIES = {
    "cpu_busy": ("cpu_usage_pct", 100.0, "%"),
    "memory_used": ("ram_usage_gb", 1 / 1024**3, "GiB"),
    "gpu_power": ("gpu_power", 1.0, "W"),
    "gpu_utilisation": ("gpu_usage_pct", 100.0, "%"),
    "gpu_memory_used": ("gpu_memory_usage_gb", 1 / 1024**3, "GiB"),
    "gpu_temperature": ("gpu_temperature_c", 1.0, "Cel"),
}


def write_side_files(job: Job, directory: JobDir, detail: Detail) -> list[SideFile]:
    """Write all side files of a job and return them. Raises OSError if the folder refuses."""
    files = write_tables(job, directory, detail)
    for step, node in nodes_with_metric_files(job):
        files += _write_metrics(step, node, directory)
    return files


def nodes_with_metric_files(job: Job) -> list[tuple[Step, NodeExecution]]:
    """Return the node executions whose samples are split into metric files.

    All of them in a job of usual size. Where that would be too many files or rows, the first of
    each step: the family's programs find every metric, and the samples themselves have the rest.
    """
    every = [(step, node) for step in job.steps for node in step.nodes if node.samples]
    files = rows = 0
    for _, node in every:
        series = len(_series(node.columns))
        files += series
        rows += series * (node.samples.rows if node.samples else 0)
    if files <= MAX_METRIC_FILES and rows <= MAX_METRIC_ROWS:
        return every
    first: dict[int, tuple[Step, NodeExecution]] = {}
    for step, node in every:
        first.setdefault(step.number, (step, node))
    return list(first.values())


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
