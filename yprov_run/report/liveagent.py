"""One agent of a running job, from its files alone: what it has written since the last look."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from yprov_run.jobdir import NodeFiles
from yprov_run.merge import fields
from yprov_run.merge.nodetrace import NodeTrace, read_trace

HISTORY = 240
_SILENT_INTERVALS, _SILENT_LEAST_S = 4, 10.0

USE, POWER, GPU_MEMORY = "gpu_utilisation", "gpu_power", "gpu_memory_used"
CPU, MEMORY = "cpu_busy", "memory_used"
SHOWN = (USE, POWER, GPU_MEMORY, CPU, MEMORY)


@dataclass
class LiveDevice:
    """A GPU's last values in SI units, by quantity, and the history of its utilisation."""

    index: int
    last: dict[str, float] = field(default_factory=dict)
    use: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))


class Devices:
    """The GPUs of a node, each with the first of its agents that samples it."""

    def __init__(self) -> None:
        self.by_number: dict[int, LiveDevice] = {}
        self._taken: set[str] = set()

    def claim(self, uuid: str, index: int) -> LiveDevice | None:
        """Return a GPU under a number of its own; None where another agent has it already."""
        if uuid in self._taken:
            return None
        self._taken.add(uuid)
        # Each agent counts its own from 0.
        number = index if index not in self.by_number else max(self.by_number) + 1
        return self.by_number.setdefault(number, LiveDevice(number))


class Row(NamedTuple):
    """An agent's values of one instant (ms, UTC) in SI units, by quantity."""

    time_ms: int
    agent: LiveAgent
    values: Mapping[str, list[float]]


class _Cell(NamedTuple):
    """What stands in a place of a row: a quantity, its factor, and whose it is."""

    place: int
    quantity: str
    factor: float
    device: LiveDevice | None


class LiveAgent:
    """What one agent of a node has written so far, and its last row."""

    def __init__(self, files: NodeFiles, devices: Devices) -> None:
        self._files = files
        self._devices = devices
        self._mine: dict[int, LiveDevice | None] = {}
        self._cells: list[_Cell] = []
        self._events_size = -1
        self._offset = 0
        self.key = files.key
        self.trace: NodeTrace = NodeTrace()
        self.sampled_ms: int | None = None
        self.values: Mapping[str, list[float]] = {}

    def read(self, tail_bytes: int) -> list[Row]:
        """Return what was sampled since (at first, the last bytes); damage is passed over."""
        try:
            size = self._files.events.stat().st_size
        except OSError:
            return []
        if size != self._events_size:
            self.trace, self._events_size = read_trace(self._files), size
            self._cells = list(self._shown_cells())
        zero_ms = fields.integer(self.trace.node, "utc_ms_at_zero")
        if not self.trace.columns or zero_ms is None:
            return []
        rows = (self._row(line.split(b","), zero_ms) for line in self._lines(tail_bytes))
        return [row for row in rows if row is not None]

    def _shown_cells(self) -> Iterator[_Cell]:
        """Yield what is shown of a row: of a GPU that another agent has already, nothing."""
        uuids = {device.index: device.uuid for device in self.trace.devices}
        for place, column in enumerate(self.trace.columns, 1):
            quantity, index = column.quantity, column.device
            if quantity.name not in SHOWN:
                continue
            if index is not None and index not in self._mine:
                uuid = uuids.get(index, f"{self.key} {index}")
                self._mine[index] = self._devices.claim(uuid, index)
            device = None if index is None else self._mine[index]
            if index is None or device is not None:
                yield _Cell(place, quantity.name, quantity.factor, device)

    def _lines(self, tail_bytes: int) -> list[bytes]:
        try:
            with self._files.samples.open("rb") as stream:
                size = stream.seek(0, 2)
                torn = self._offset == 0 and size > tail_bytes
                stream.seek(size - tail_bytes if torn else self._offset)
                data = stream.read()
                self._offset = stream.tell()
        except OSError:
            return []
        lines = data.split(b"\n")
        self._offset -= len(lines.pop())  # a row is whole when its newline is there
        return lines[1:] if torn else lines

    def _row(self, texts: list[bytes], zero_ms: int) -> Row | None:
        if len(texts) != len(self.trace.columns) + 1:
            return None
        try:
            stored = [int(text) if text else None for text in texts]
        except ValueError:
            return None
        if stored[0] is None:
            return None
        together: dict[str, list[float]] = {}
        for place, name, factor, device in self._cells:
            found = stored[place]
            if found is None:
                continue
            value = found * factor
            if device is not None:
                device.last[name] = value
                if name == USE:
                    device.use.append(value)
            together.setdefault(name, []).append(value)
        return Row(zero_ms + stored[0], self, together)

    @property
    def patience_s(self) -> float:
        """Seconds without a sample after which it is silent."""
        return max(_SILENT_LEAST_S, _SILENT_INTERVALS * self.trace.interval_s)

    def is_heard(self, time_ms: int) -> bool:
        """Tell whether its last row still holds at a time."""
        return self.sampled_ms is not None and time_ms - self.sampled_ms <= 1000 * self.patience_s
