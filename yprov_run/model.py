"""The words of the field as frozen dataclasses: job, step, node, task, device, column."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

Json = dict[str, object]

ColumnKind = Literal["gauge", "counter"]


@dataclass(frozen=True)
class Quantity:
    """What a column measures: its stored integer times `factor` is the value in `unit`."""

    name: str
    stored_unit: str
    unit: str
    factor: float
    kind: ColumnKind = "gauge"


_MIB = 1024 * 1024

QUANTITIES: dict[str, Quantity] = {
    quantity.name: quantity
    for quantity in (
        Quantity("cpu_busy", "permille", "1", 1e-3),
        Quantity("memory_used", "mib", "B", _MIB),
        Quantity("gpu_power", "mw", "W", 1e-3),
        Quantity("gpu_energy", "mj", "J", 1e-3, "counter"),
        Quantity("gpu_utilisation", "percent", "1", 1e-2),
        Quantity("gpu_memory_used", "mib", "B", _MIB),
        Quantity("gpu_temperature", "celsius", "Cel", 1.0),
    )
}


@dataclass(frozen=True)
class Column:
    """One column of a node's samples: a quantity, and the device it belongs to (None: the node)."""

    quantity: Quantity
    device: int | None = None

    @property
    def name(self) -> str:
        """The column's header, with its unit: `cpu_busy_permille`, `gpu0_power_mw`."""
        label = f"{self.quantity.name}_{self.quantity.stored_unit}"
        if self.device is None:
            return label
        return label.replace("gpu_", f"gpu{self.device}_", 1)


@dataclass(frozen=True)
class Device:
    """An accelerator as its driver names it; `uuid` is its key everywhere."""

    index: int
    uuid: str
    name: str
    pci_bus_id: str = ""
    driver_version: str = ""


@dataclass(frozen=True)
class ColumnStats:
    """What a column's samples came to, in SI units; times in ms since the trace began.

    `mean` is weighted by time over `covered_ms`; `increase` is what a counter grew by, resets
    left out. All but `count` are None when there was no valid sample.
    """

    count: int
    minimum: float | None = None
    mean: float | None = None
    maximum: float | None = None
    integral_s: float | None = None
    covered_ms: int = 0
    first: float | None = None
    first_ms: int | None = None
    last: float | None = None
    last_ms: int | None = None
    increase: float | None = None
    resets: int = 0


@dataclass(frozen=True)
class Gap:
    """Something that should have been recorded and was not: where, what, and why."""

    where: str
    what: str


@dataclass(frozen=True)
class Task:
    """One rank as its node saw it; status is None where nobody could know it.

    A worker is a process to which its task (torchrun and the like) has given a rank of its own.
    """

    rank: int | None
    local_rank: int | None
    pid: int
    exit_status: int | None = None
    signal: int | None = None
    ended: bool = False
    visible_gpus: str = ""
    worker_of: int | None = None


@dataclass(frozen=True)
class DeviceUse:
    """One device during one node execution, with the source of its energy."""

    device: Device
    power: ColumnStats | None = None
    utilisation: ColumnStats | None = None
    memory: ColumnStats | None = None
    temperature: ColumnStats | None = None
    energy_j: float | None = None
    energy_estimated_j: float = 0.0
    energy_source: str = ""


@dataclass(frozen=True)
class SampleFile:
    """A node's samples on disk: path inside the job directory, size, SHA-256 and rows."""

    path: str
    size_bytes: int
    sha256: str
    rows: int


@dataclass(frozen=True)
class NodeExecution:
    """What one step did on one node, from its agent's trace.

    `complete`: the agent wrote its last words. `ended_with_step`: it was killed a moment before,
    with the step; the time after its last sample is then estimated. `clock_offset_ms`: by how
    much its clock was ahead; the times here are corrected by it.
    """

    key: str
    name: str
    hostname: str
    index: int | None
    started_ms: int | None
    ended_ms: int | None
    first_sample_ms: int | None
    last_sample_ms: int | None
    complete: bool
    ended_with_step: bool
    tasks: tuple[Task, ...] = ()
    devices: tuple[DeviceUse, ...] = ()
    cpu: ColumnStats | None = None
    memory: ColumnStats | None = None
    samples: SampleFile | None = None
    columns: tuple[Column, ...] = ()
    facts: Json = field(default_factory=dict)
    clock_offset_ms: int = 0

    @property
    def own_tasks(self) -> tuple[Task, ...]:
        """The tasks that the launcher started, without workers that they started themselves."""
        return tuple(task for task in self.tasks if task.worker_of is None)


@dataclass(frozen=True)
class FileRef:
    """A file the job read or wrote: role is `input` or `output`; sha256 None if not computed."""

    path: str
    role: str
    size_bytes: int | None
    sha256: str | None
    modified_ms: int | None
    note: str = ""


@dataclass(frozen=True)
class SideFile:
    """A file beside the document that holds rows: path inside the job directory, and what it is.

    For a metric file, `name`, `context` and `source` are as in its path, and `unit` is the
    values'. For a table, `columns` are their names with their units.
    """

    path: str
    name: str
    size_bytes: int
    sha256: str
    rows: int
    unit: str = ""
    context: str = ""
    source: str = ""
    step: int | None = None
    node_key: str = ""
    columns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Ending:
    """How a job or step ended: a state, its exit status or signal, and who says so."""

    state: str
    source: str
    exit_status: int | None = None
    signal: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Step:
    """One launched command of the job; times in ms since the epoch, UTC."""

    number: int
    argv: tuple[str, ...]
    launcher: str
    cwd: str
    host: str
    started_ms: int | None
    ended_ms: int | None
    ending: Ending
    nodes: tuple[NodeExecution, ...]
    files: tuple[FileRef, ...] = ()
    expected_nodes: int | None = None
    expected_tasks: int | None = None
    scheduler_step_id: str = ""

    @cached_property
    def repeated_names(self) -> frozenset[str]:
        """The names that several of the step's nodes have."""
        names = Counter(node.name for node in self.nodes)
        return frozenset(name for name, count in names.items() if count > 1)


@dataclass(frozen=True)
class Job:
    """The whole job as one record; `directory` is as its first step named it."""

    name: str
    number: str
    uuid: str
    directory: str
    cluster: str
    scheduler: str
    scheduler_facts: Json
    user: str
    account: str
    host: str
    platform: Json
    yprov_run_version: str
    tags: tuple[tuple[str, str], ...]
    started_ms: int | None
    ended_ms: int | None
    ending: Ending
    steps: tuple[Step, ...]
    gaps: tuple[Gap, ...]
