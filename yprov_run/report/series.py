"""Samples over time, few enough to draw: the lowest and the highest of each bucket, so that peaks
survive, on one time axis for all nodes.

Up to a budget of bytes every sample is read. Beyond it each node's file is read in small pieces
spread evenly over it, and of more than 1,000 nodes only so many; what was drawn from a part says
so (`share_read`, `nodes_read`). A job of few nodes has a series per device, one of many per node.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from yprov_run.merge import fields
from yprov_run.merge.written import Written, spans, written
from yprov_run.model import Column, Job, NodeExecution
from yprov_run.trace.opening import open_plain

BUDGET_BYTES = 24 << 20
BUCKETS, BUCKETS_OF_MANY = 300, 120
FEW_NODES, MOST_NODES, WORST_NODES = 16, 1_000, 8
_MAX_BYTES = 16 << 30
_PIECES, _LEAST_PIECES = 150, 12
_ROWS_IN_PIECE = 2.5  # enough for one whole row wherever the piece begins
_EMPTY = (1 << 62) - 1

# The quantities worth a chart, in the order in which a reader asks for them.
CHARTS = (
    "gpu_utilisation",
    "gpu_power",
    "gpu_memory_used",
    "cpu_busy",
    "memory_used",
    "zone_power",
    "gpu_sm_clock",
    "gpu_temperature",
)
_NOT_OF_MANY = {"gpu_temperature", "gpu_sm_clock", "zone_power"}


class Cell(tuple[int, int, int, int]):
    """Lowest, highest, sum and number of a bucket's samples, in stored integers."""

    __slots__ = ()


class Series:
    """One column, or one quantity of all devices of a node, over the job's buckets.

    `part` names a device that is no GPU. Where `falls`, the lowest of a bucket came last.
    """

    def __init__(
        self, step: int, node: str, device: int | None, buckets: int, part: str = ""
    ) -> None:
        self.step, self.node, self.device, self.part = step, node, device, part
        self.low = array("q", [_EMPTY]) * buckets
        self.high = array("q", [-_EMPTY]) * buckets
        self.total = array("q", [0]) * buckets
        self.number = array("q", [0]) * buckets
        self.falls = bytearray(buckets)

    def cell(self, bucket: int) -> Cell | None:
        """Return what a bucket holds; None if no sample fell into it."""
        if not self.number[bucket]:
            return None
        return Cell((self.low[bucket], self.high[bucket], self.total[bucket], self.number[bucket]))

    def add(self, bucket: int, values: Sequence[int]) -> None:
        """Take the samples of one row."""
        low, high = min(values), max(values)
        if low < self.low[bucket]:
            self.low[bucket] = low
            self.falls[bucket] = 1
        if high > self.high[bucket]:
            self.high[bucket] = high
            self.falls[bucket] = 0
        self.total[bucket] += sum(values)
        self.number[bucket] += len(values)

    def bridge(self) -> None:
        """Let a value stand until the next where it is read less often than there are buckets.

        Slow quantities are read in turn. A hole of more than twice the usual distance stays one.
        """
        filled = [bucket for bucket, number in enumerate(self.number) if number]
        distances = sorted(later - earlier for earlier, later in pairwise(filled))
        usual = distances[len(distances) // 2] if distances else 1
        if usual == 1:
            return
        for earlier, later in pairwise([*filled, min(filled[-1] + usual, len(self.number))]):
            if later - earlier <= 2 * usual:
                for bucket in range(earlier + 1, later):
                    for values in (self.low, self.high, self.total, self.number):
                        values[bucket] = values[earlier]

    @property
    def mean(self) -> float:
        """The mean of all samples, in stored units; 0 where there are none."""
        number = sum(self.number)
        return sum(self.total) / number if number else 0.0


@dataclass
class Timeline:
    """All series of a job by quantity, on buckets of `bucket_ms` from `started_ms` (UTC ms)."""

    started_ms: int
    bucket_ms: int
    buckets: int
    nodes: int
    nodes_read: int
    by_quantity: dict[str, list[Series]] = field(default_factory=dict)
    share_read: float = 1.0

    @property
    def of_many(self) -> bool:
        """Whether a series stands for a whole node."""
        return self.nodes > FEW_NODES


def timeline(job: Job, job_dir: Path, budget_bytes: int = BUDGET_BYTES) -> Timeline | None:
    """Return what was sampled over time; None where nothing was, or no clock is known."""
    nodes = [(step.number, node) for step in job.steps for node in step.nodes if spans(node)]
    sampled = [span for _, node in nodes for span in spans(node)]
    if not sampled:
        return None
    started_ms = min(first_ms for first_ms, _ in sampled)
    ended_ms = max(started_ms + 1, *(last_ms for _, last_ms in sampled))
    interval_ms = min(_interval_ms(node) for _, node in nodes)
    names = len({node.name for _, node in nodes})
    most = BUCKETS_OF_MANY if names > FEW_NODES else BUCKETS
    bucket_ms = max(1, interval_ms, -(-(ended_ms - started_ms + 1) // most))
    buckets = (ended_ms - started_ms) // bucket_ms + 1
    chosen = _choose(nodes)
    result = Timeline(started_ms, bucket_ms, buckets, names, min(names, len(chosen)))
    size_bytes = sum(file.size_bytes for _, node in chosen for file in node.sample_files)
    if size_bytes > budget_bytes:
        result.share_read = budget_bytes / size_bytes
    for step, node in chosen:
        _read_node(step, node, job_dir, result)
    return result


def _choose(nodes: list[tuple[int, NodeExecution]]) -> list[tuple[int, NodeExecution]]:
    """Return so many nodes as can be read: every second, third... and the least used of all."""
    if len(nodes) <= MOST_NODES:
        return nodes
    every = -(-len(nodes) // MOST_NODES)
    places = set(range(0, len(nodes), every))
    places.update(sorted(range(len(nodes)), key=lambda i: mean_use(nodes[i][1]))[:WORST_NODES])
    return [nodes[place] for place in sorted(places)]


def mean_use(node: NodeExecution) -> float:
    """Return a node's mean GPU utilisation, else its CPUs' time not idle; 1 where neither is."""
    means = [u.utilisation.mean for u in node.devices if u.utilisation and u.utilisation.mean]
    if any(use.utilisation for use in node.devices):
        return sum(means) / len(node.devices)
    return node.cpu.mean if node.cpu and node.cpu.mean is not None else 1.0


def _interval_ms(node: NodeExecution) -> int:
    interval_s = fields.number(node.facts, "interval_s")
    return round(1000 * interval_s) if interval_s is not None and 0 < interval_s < 1e6 else 1000


_Drawn = dict[tuple[str, int | None], Series]


def _read_node(step: int, node: NodeExecution, job_dir: Path, result: Timeline) -> None:
    drawn: _Drawn = {}
    for trace in written(node):
        _read_trace(trace, _wanted(step, node, trace, drawn, result), job_dir, result)
    for (name, _), series in drawn.items():
        if any(series.number):
            series.bridge()
            result.by_quantity.setdefault(name, []).append(series)


def _wanted(
    step: int, node: NodeExecution, trace: Written, drawn: _Drawn, result: Timeline
) -> list[tuple[Series, list[int]]]:
    """Return the series of a node to which a trace has something to give, each with the places of
    its columns in a row; those that there are not yet are added to `drawn`.
    """
    parts = {use.device.index: f"{use.device.kind} {use.device.name}" for use in node.zones}
    wanted: dict[tuple[str, int | None], list[int]] = {}
    for place, column in trace.columns:
        name = column.quantity.name
        if name not in CHARTS or (result.of_many and name in _NOT_OF_MANY):
            continue
        device = None if result.of_many else column.device
        if (name, device) not in drawn:
            part = "" if device is None or name.startswith("gpu_") else parts.get(device, "")
            drawn[name, device] = Series(step, node.name, device, result.buckets, part)
        wanted.setdefault((name, device), []).append(place + 1)
    return [(drawn[key], places) for key, places in wanted.items()]


def _read_trace(
    trace: Written, wanted: list[tuple[Series, list[int]]], job_dir: Path, result: Timeline
) -> None:
    if not wanted:
        return
    offset_ms = trace.zero_ms - result.started_ms
    rows = max(1, trace.samples.rows)
    for cells in _rows(job_dir / trace.samples.path, result.share_read, trace.width + 1, rows):
        try:
            bucket = (int(cells[0]) + offset_ms) // result.bucket_ms
            if not 0 <= bucket < result.buckets:
                continue
            for series, places in wanted:
                values = [int(cells[place]) for place in places if cells[place]]
                if values:
                    series.add(bucket, values)
        except (ValueError, OverflowError):
            continue  # a damaged line; the merge counts them


def _rows(path: Path, share: float, width: int, rows: int) -> Iterator[list[bytes]]:
    """Yield the rows of a file, or of pieces of it that together are about a share of it."""
    try:
        with open_plain(path, _MAX_BYTES) as stream:
            size = stream.seek(0, 2)
            pieces, length = 1, size
            if share < 1:
                length = min(size, max(256, int(_ROWS_IN_PIECE * size / rows)))
                pieces = max(_LEAST_PIECES, min(_PIECES, int(size * share / length)))
                if pieces * length >= size:
                    pieces, length = 1, size
            for piece in range(pieces):
                stream.seek(piece * (size - length) // max(1, pieces - 1))
                # The first line is the header, or torn where a piece begins; the last is torn.
                for line in stream.read(length).split(b"\n")[1:-1]:
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
    if quantity.unit == "Hz":
        return quantity.factor / 1e6, "MHz"
    return quantity.factor, "\u00b0C" if quantity.unit == "Cel" else quantity.unit
