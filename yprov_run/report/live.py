"""A running job from its directory alone: each node's last sample, its age, and what came before.

Only what was appended since the last look is read, so a thousand nodes take a fraction of a second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from yprov_run.jobdir import JobDir, NodeFiles, StepDir
from yprov_run.merge import fields
from yprov_run.merge.ending import job_ending, step_ending
from yprov_run.merge.nodetrace import NodeTrace, read_trace
from yprov_run.model import Column, Ending, Json, Step

HISTORY = 240
_TAIL_BYTES, _LEAST_TAIL_BYTES = 1 << 16, 4_096
_TAILS_BYTES = 8 << 20  # what the first look at all nodes together may read
_SILENT_INTERVALS, _SILENT_LEAST_S = 4, 10.0

USE, POWER, GPU_MEMORY = "gpu_utilisation", "gpu_power", "gpu_memory_used"
CPU, MEMORY = "cpu_busy", "memory_used"
_SUMMED = {POWER}
SHOWN = (USE, POWER, GPU_MEMORY, CPU, MEMORY)


@dataclass
class LiveDevice:
    """A GPU's last values in SI units, by quantity, and the history of its utilisation."""

    index: int
    last: dict[str, float] = field(default_factory=dict)
    use: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))


class LiveNode:
    """What a node has written so far: its last row, its history, and when that was."""

    def __init__(self, files: NodeFiles) -> None:
        self._files = files
        self._trace: NodeTrace = NodeTrace()
        self._events_size = -1
        self._offset = 0
        self.name = files.key.rpartition("-")[0] or files.key
        self.sampled_ms: int | None = None
        self.last: dict[str, float] = {}
        self.history: dict[str, deque[float]] = {name: deque(maxlen=HISTORY) for name in SHOWN}
        self.devices: dict[int, LiveDevice] = {}

    @property
    def has_ended(self) -> bool:
        """Whether its agent has said its last word."""
        return bool(self._trace.end)

    @property
    def interval_s(self) -> float:
        """Seconds between samples."""
        return self._trace.interval_s

    def refresh(self, tail_bytes: int = _TAIL_BYTES) -> None:
        """Read what was written since (at first, the last bytes); damage is passed over."""
        try:
            size = self._files.events.stat().st_size
        except OSError:
            return
        if size != self._events_size:
            self._trace, self._events_size = read_trace(self._files), size
            self.name = fields.text(self._trace.node, "name") or self.name
        self._read_samples(tail_bytes)

    def _read_samples(self, tail_bytes: int) -> None:
        columns = self._trace.columns
        zero_ms = fields.integer(self._trace.node, "utc_ms_at_zero")
        if not columns or zero_ms is None:
            return
        try:
            with self._files.samples.open("rb") as stream:
                size = stream.seek(0, 2)
                torn = self._offset == 0 and size > tail_bytes
                stream.seek(size - tail_bytes if torn else self._offset)
                data = stream.read()
                self._offset = stream.tell()
        except OSError:
            return
        lines = data.split(b"\n")
        self._offset -= len(lines.pop())  # a row is whole when its newline is there
        for line in lines[1:] if torn else lines:
            self._take(line.split(b","), columns, zero_ms)

    def _take(self, cells: list[bytes], columns: Sequence[Column], zero_ms: int) -> None:
        if len(cells) != len(columns) + 1:
            return
        try:
            time_ms = int(cells[0])
            values = [int(cell) if cell else None for cell in cells[1:]]
        except ValueError:
            return
        self.sampled_ms = zero_ms + time_ms
        together: dict[str, list[float]] = {}
        for column, stored in zip(columns, values, strict=True):
            name = column.quantity.name
            if stored is None or name not in SHOWN:
                continue
            value = stored * column.quantity.factor
            together.setdefault(name, []).append(value)
            if column.device is not None:
                device = self.devices.get(column.device)
                if device is None:
                    device = self.devices[column.device] = LiveDevice(column.device)
                device.last[name] = value
                if name == USE:
                    device.use.append(value)
        for name, found in together.items():
            whole = sum(found) if name in _SUMMED else sum(found) / len(found)
            self.last[name] = max(found) if name == GPU_MEMORY else whole
            self.history[name].append(self.last[name])

    def age_s(self, now_ms: int) -> float | None:
        """Return how old its last sample is; None without any."""
        return None if self.sampled_ms is None else max(0.0, (now_ms - self.sampled_ms) / 1000)

    def is_silent(self, now_ms: int) -> bool:
        """Tell whether samples that are due have not come."""
        age_s = self.age_s(now_ms)
        if self.has_ended:
            return False
        limit_s = max(_SILENT_LEAST_S, _SILENT_INTERVALS * self.interval_s)
        return age_s is not None and age_s > limit_s


class LiveJob:
    """A job as it runs: its last step, that step's nodes, and how it stands."""

    def __init__(self, directory: JobDir) -> None:
        self._directory = directory
        self._nodes: dict[tuple[int, str], LiveNode] = {}
        self._step: StepDir | None = None
        self._command: Json = {}
        self.job: Json = {}
        self.ending = Ending("unknown", "none")
        self.started_ms: int | None = None
        self.ended_ms: int | None = None

    @property
    def name(self) -> str:
        """The job's name and number."""
        name = fields.text(self.job, "name") or self._directory.name
        return f"{name} {fields.text(self.job, 'number') or self._directory.number}"

    @property
    def step(self) -> int | None:
        """The number of the step that is shown."""
        return None if self._step is None else self._step.number

    @property
    def nodes(self) -> list[LiveNode]:
        """The nodes of the step that is shown."""
        return [node for (step, _), node in self._nodes.items() if step == self.step]

    def refresh(self) -> None:
        """Look at the directory again."""
        if not self.job:
            self.job, _ = fields.load(self._directory.job_file)
        steps = list(self._directory.steps())
        if not steps:
            return
        self._step = steps[-1]
        self._command, _ = fields.load(self._step.command)
        keys = self._step.node_keys()
        tail_bytes = max(_LEAST_TAIL_BYTES, min(_TAIL_BYTES, _TAILS_BYTES // max(1, len(keys))))
        for key in keys:
            place = (self._step.number, key)
            if place not in self._nodes:
                self._nodes[place] = LiveNode(self._step.node(key))
            self._nodes[place].refresh(tail_bytes)
        end, _ = fields.load(self._step.end)
        self.started_ms = fields.integer(self._command, "started_ms")
        self.ended_ms = fields.integer(end, "ended_ms")
        ending = step_ending(self._command, end, [], None)
        step = Step(self._step.number, (), "", "", "", None, None, ending, ())
        self.ending = job_ending([step])
        if not end and any(not node.has_ended for node in self.nodes):
            # Only the launching machine can tell that its process lives; samples tell as well.
            self.ending = Ending("running", "node agents")


def mean(values: Iterable[float]) -> float | None:
    """Return the plain mean; None of nothing."""
    found = list(values)
    return sum(found) / len(found) if found else None


def blended(nodes: Sequence[LiveNode], quantity: str) -> list[float]:
    """Return the histories of all nodes as one, the newest last: a mean, or a sum of powers."""
    histories = [list(node.history[quantity]) for node in nodes if node.history[quantity]]
    length = max(map(len, histories), default=0)
    result = []
    for back in range(length, 0, -1):
        found = [history[-back] for history in histories if len(history) >= back]
        result.append(sum(found) if quantity in _SUMMED else sum(found) / len(found))
    return result
