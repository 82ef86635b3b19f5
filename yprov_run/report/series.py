"""Samples over time, few enough to draw: the lowest and the highest of each bucket, so that peaks
survive, on one time axis for all nodes.

Up to a budget of bytes every sample is read. Beyond it each node's file is read in small pieces
spread evenly over it; what was drawn from a part only says so (`share_read`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from yprov_run.merge import fields
from yprov_run.model import Column, Job, NodeExecution

BUDGET_BYTES = 24 << 20
BUCKETS = 300
_PIECES = 150
_LEAST_PIECE_BYTES = 2_048

# The quantities worth a chart, in the order in which a reader asks for them.
CHARTS = (
    "gpu_utilisation",
    "gpu_power",
    "gpu_memory_used",
    "cpu_busy",
    "memory_used",
    "gpu_temperature",
)

Cell = tuple[int, int, int, int]  # lowest, highest, sum and number of a bucket's stored integers


@dataclass
class Series:
    """One column of one node over the job's buckets; values in stored integers."""

    step: int
    node: str
    device: int | None
    cells: dict[int, Cell] = field(default_factory=dict)

    def add(self, bucket: int, value: int) -> None:
        """Take one sample."""
        cell = self.cells.get(bucket)
        if cell is None:
            self.cells[bucket] = (value, value, value, 1)
        else:
            low, high, total, number = cell
            self.cells[bucket] = (
                value if value < low else low,
                value if value > high else high,
                total + value,
                number + 1,
            )


@dataclass
class Timeline:
    """All series of a job by quantity, on buckets of `bucket_ms` from `started_ms` (UTC ms)."""

    started_ms: int
    bucket_ms: int
    buckets: int
    by_quantity: dict[str, list[Series]] = field(default_factory=dict)
    share_read: float = 1.0


def timeline(job: Job, job_dir: Path, budget_bytes: int = BUDGET_BYTES) -> Timeline | None:
    """Return what was sampled over time; None where nothing was, or no clock is known."""
    nodes = [(step.number, node) for step in job.steps for node in step.nodes if node.samples]
    starts = [n.first_sample_ms for _, n in nodes if n.first_sample_ms is not None]
    ends = [n.last_sample_ms for _, n in nodes if n.last_sample_ms is not None]
    if not starts or not ends:
        return None
    started_ms, ended_ms = min(starts), max(max(ends), min(starts) + 1)
    interval_ms = min(_interval_ms(node) for _, node in nodes)
    bucket_ms = max(1, interval_ms, -(-(ended_ms - started_ms + 1) // BUCKETS))
    buckets = (ended_ms - started_ms) // bucket_ms + 1
    result = Timeline(started_ms, bucket_ms, buckets)
    size_bytes = sum(node.samples.size_bytes for _, node in nodes if node.samples)
    if size_bytes > budget_bytes:
        result.share_read = budget_bytes / size_bytes
    for step, node in nodes:
        _read_node(step, node, job_dir, result)
    return result


def _interval_ms(node: NodeExecution) -> int:
    interval_s = fields.number(node.facts, "interval_s")
    return round(1000 * interval_s) if interval_s is not None and 0 < interval_s < 1e6 else 1000


def _read_node(step: int, node: NodeExecution, job_dir: Path, result: Timeline) -> None:
    zero_ms = fields.integer(node.facts, "utc_ms_at_zero")
    wanted = [
        (position, Series(step, node.name, column.device), column)
        for position, column in enumerate(node.columns, start=1)
        if column.quantity.name in CHARTS
    ]
    if zero_ms is None or node.samples is None or not wanted:
        return
    offset_ms = zero_ms - result.started_ms
    width = len(node.columns) + 1
    for cells in _rows(job_dir / node.samples.path, result.share_read, width):
        try:
            bucket = (int(cells[0]) + offset_ms) // result.bucket_ms
            if not 0 <= bucket < result.buckets:
                continue
            for position, series, _ in wanted:
                if cells[position]:
                    series.add(bucket, int(cells[position]))
        except ValueError:
            continue  # a damaged line; the merge counts them
    for _, series, column in wanted:
        if series.cells:
            result.by_quantity.setdefault(column.quantity.name, []).append(series)


def _rows(path: Path, share: float, width: int) -> Iterator[list[bytes]]:
    """Yield the rows of a file, or of pieces of it that together are about a share of it."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            if share >= 1:
                pieces, length = 1, size
            else:
                length = max(_LEAST_PIECE_BYTES, int(size * share / _PIECES))
                pieces = max(1, min(_PIECES, int(size * share / length)))
            for piece in range(pieces):
                start = piece * max(0, size - length) // max(1, pieces - 1)
                stream.seek(start)
                lines = stream.read(length).split(b"\n")
                # The first line is the header, or torn where a piece begins; the last is torn.
                for line in lines[1:-1]:
                    cells = line.split(b",")
                    if len(cells) == width:
                        yield cells
    except OSError:
        return  # the gap is named where the figures are made


def factor_and_unit(column: Column) -> tuple[float, str]:
    """Return what makes a column's stored integer readable on an axis, and its unit."""
    quantity = column.quantity
    if quantity.unit == "1":
        return quantity.factor * 100, "%"
    if quantity.unit == "B":
        return quantity.factor / 2**30, "GiB"
    return quantity.factor, "\u00b0C" if quantity.unit == "Cel" else quantity.unit


def nodes_of(series: Sequence[Series]) -> list[str]:
    """Return the nodes' names in the order in which they come."""
    return list(dict.fromkeys(each.node for each in series))
