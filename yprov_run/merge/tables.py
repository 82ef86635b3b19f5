"""Tables beside the document, written a row at a time: a row per task, GPU, or file."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from yprov_run.jobdir import JobDir
from yprov_run.merge.detail import NODE, Detail
from yprov_run.model import ColumnStats, DeviceUse, Job, SideFile

# name: unit (UCUM); empty where a column has none
_TASKS = {
    "step": "", "node": "", "rank": "", "local_rank": "", "pid": "", "exit_status": "",
    "signal": "", "gpus": "", "worker_of": "",
}  # fmt: skip
_DEVICES = {
    "step": "", "node": "", "gpu": "", "uuid": "", "model": "", "pci_bus_id": "",
    "driver_version": "", "energy_j": "J", "energy_estimated_j": "J", "energy_source": "",
    "mean_power_w": "W", "max_power_w": "W", "mean_utilisation": "1", "max_utilisation": "1",
    "max_memory_bytes": "B", "max_temperature_celsius": "Cel",
}  # fmt: skip
_SAMPLES = {"step": "", "node": "", "path": "", "size_bytes": "B", "rows": "", "sha256": ""}
Row = Sequence[object]


def write_tables(job: Job, directory: JobDir, detail: Detail) -> list[SideFile]:
    """Write the job's tables and return them. Raises OSError if the folder refuses."""
    directory.artifacts.mkdir(exist_ok=True)
    files = [_write(directory, "tasks", _TASKS, _task_rows(job))]
    if any(node.devices for step in job.steps for node in step.nodes):
        files.append(_write(directory, "devices", _DEVICES, _device_rows(job)))
    if detail == NODE:
        files.append(_write(directory, "samples", _SAMPLES, _sample_rows(job)))
    return files


def _task_rows(job: Job) -> Iterator[Row]:
    for step in job.steps:
        for node in step.nodes:
            for task in node.tasks:
                yield (
                    step.number, node.name, task.rank, task.local_rank, task.pid,
                    task.exit_status, task.signal, task.visible_gpus, task.worker_of,
                )  # fmt: skip


def _device_rows(job: Job) -> Iterator[Row]:
    for step in job.steps:
        for node in step.nodes:
            for use in node.devices:
                yield (step.number, node.name, *_device_cells(use))


def _sample_rows(job: Job) -> Iterator[Row]:
    for step in job.steps:
        for node in step.nodes:
            if (file := node.samples) is not None:
                yield (
                    step.number, node.name, file.path, file.size_bytes, file.rows, file.sha256,
                )  # fmt: skip


def _device_cells(use: DeviceUse) -> Row:
    device = use.device
    return (
        device.index, device.uuid, device.name, device.pci_bus_id, device.driver_version,
        _number(use.energy_j),
        None if use.energy_j is None else _number(use.energy_estimated_j),
        use.energy_source,
        _figure(use.power, "mean"), _figure(use.power, "maximum"),
        _figure(use.utilisation, "mean"), _figure(use.utilisation, "maximum"),
        _figure(use.memory, "maximum"), _figure(use.temperature, "maximum"),
    )  # fmt: skip


def _figure(stats: ColumnStats | None, name: str) -> str:
    return "" if stats is None else _number(getattr(stats, name))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"


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


def _write(directory: JobDir, name: str, columns: dict[str, str], rows: Iterable[Row]) -> SideFile:
    """Write one table under a temporary name; it gets its own when it is whole."""
    path = directory.artifacts / f"{name}.csv"
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    count = 0
    try:
        with temporary.open("xb") as stream:
            hashed = _Hashed(stream)
            writer = csv.writer(hashed, lineterminator="\n")
            writer.writerow(columns)
            for count, row in enumerate(rows, start=1):  # noqa: B007 - the last count is wanted
                writer.writerow([_one_line(cell) for cell in row])
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return SideFile(
        path=Path(path).relative_to(directory.path).as_posix(),
        name=name,
        size_bytes=hashed.size_bytes,
        sha256=hashed.sha256(),
        rows=count,
        columns=tuple(columns.items()),
    )


def _one_line(cell: object) -> object:
    """Keep a row on its line whatever a name holds, so that rows can be counted by lines."""
    if isinstance(cell, str) and not cell.isprintable():
        return cell.encode("unicode_escape").decode()
    return cell
