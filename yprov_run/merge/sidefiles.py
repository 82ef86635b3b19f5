"""Metric files beside the document: one per series, in the family's layout."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from yprov_run.jobdir import JobDir, safe_name
from yprov_run.merge.staging import Staging, make_folder
from yprov_run.merge.written import Written, written
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


def write_metric_files(
    job: Job, directory: JobDir, staging: Staging, progress: Callable[[float], None]
) -> list[SideFile]:
    """Write a job's metric files and return them. Raises OSError if the folder refuses.

    They get their names when the staging puts them. `progress` is called with the share done.
    """
    files = []
    nodes = nodes_with_metric_files(job)
    for number, (step, node) in enumerate(nodes):
        progress(number / len(nodes))
        for split in _split(node):
            files += _write_metrics(step, node, split, directory, staging)
    return files


class _Split(NamedTuple):
    """One agent's samples, and which of their columns become metric files."""

    trace: Written
    series: list[tuple[int, Column]]


def _split(node: NodeExecution) -> list[_Split]:
    """Return what a node's agents wrote that becomes metric files: of itself, and of its GPUs."""
    gpus = {use.device.index for use in node.devices}
    return [
        _Split(
            trace,
            [
                (place, column)
                for place, column in trace.columns
                if column.quantity.name in _SERIES
                and (column.device is None or column.device in gpus)
            ],
        )
        for trace in written(node)
    ]


def nodes_with_metric_files(job: Job) -> list[tuple[Step, NodeExecution]]:
    """Return the node executions whose samples are split into metric files.

    All of them in a job of usual size. Where that would be too many files or rows, the first of
    each step: the family's programs find every metric, and the samples themselves have the rest.
    """
    every = [(step, node) for step in job.steps for node in step.nodes if node.sample_files]
    files = rows = 0
    for _, execution in every:
        for split in _split(execution):
            files += len(split.series)
            rows += len(split.series) * split.trace.samples.rows
        if files > MAX_METRIC_FILES or rows > MAX_METRIC_ROWS:
            first: dict[int, tuple[Step, NodeExecution]] = {}
            for step, node in every:
                first.setdefault(step.number, (step, node))
            return list(first.values())
    return every


def _write_metrics(
    step: Step, node: NodeExecution, split: _Split, directory: JobDir, staging: Staging
) -> list[SideFile]:
    """Split one agent's samples into a file per series: `epoch,value,timestep` (UTC ms)."""
    make_folder(directory.metrics)
    with ExitStack() as stack:
        tables = [
            stack.enter_context(_metric_table(step, node, column, directory, staging))
            for _, column in split.series
        ]
        source = directory.path / split.trace.samples.path
        for time_ms, values in _rows(source, split.trace.width):
            for table, (place, _) in zip(tables, split.series, strict=True):
                table.add(split.trace.zero_ms + time_ms, values[place])
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
    step: Step, node: NodeExecution, column: Column, directory: JobDir, staging: Staging
) -> Iterator[_MetricTable]:
    name, scale, unit = _SERIES[column.quantity.name]
    context = f"step{step.number}.{safe_name(node.key)}"
    source = "host" if column.device is None else f"gpu{column.device}"
    path = directory.metrics / f"{name}_{context}_{source}_GR0.csv"
    description = SideFile(
        path.relative_to(directory.path).as_posix(), name, 0, "", 0, unit, context, source,
        step.number, node.key,
    )  # fmt: skip
    with staging.temporary(path).open("wb") as stream:
        table = _MetricTable(stream, column.quantity.factor * scale, description)
        yield table
    if not table.rows:
        staging.forget(path)
