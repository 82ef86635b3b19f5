"""The words of the field as frozen dataclasses: job, step, node, task, device, column."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

from yprov_run.kinds import accounting as accounts
from yprov_run.kinds.files import FileCollection, FileRef
from yprov_run.light import NamedTuple
from yprov_run.measures import QUANTITIES as QUANTITIES
from yprov_run.measures import Column as Column
from yprov_run.measures import Device as Device
from yprov_run.measures import Json as Json


class ColumnStats(NamedTuple):
    """What a column's samples came to, in SI units.

    `mean` is weighted by time over `covered_ms`; `increase` is what a counter grew by, resets
    left out. All but `count` are None when there was no valid sample. There are a hundred of these
    for each node: what only its energy is made of is in `merge.stats.Readings`.
    """

    count: int  # type: ignore[assignment]  # a tuple has a method of this name
    mean: float | None = None
    maximum: float | None = None
    covered_ms: int = 0
    increase: float | None = None


@dataclass(frozen=True)
class Gap:
    """Something that should have been recorded and was not: where, what, and why."""

    where: str
    what: str


class Task(NamedTuple):
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


class DeviceUse(NamedTuple):
    """One device during one node execution, with the source and the bound of its energy.

    The true energy lies within `energy_bound_j` of `energy_j`, the sensor's own calibration left
    out; None where no bound can be given. `energy_second_j` is the trapezoid of the power samples
    over what the counter covers, `energy_disagreement` its share more than the counter's.
    `idle_s` is the part of `use_known_s` in which no kernel ran, `throttled_s` the part of
    `throttle_known_s` in which power or heat held the clocks down, `throttled_by` its shares by
    reason. `clock` is the multiprocessors'; `peak_power_w` the highest momentary or mean power.
    `coverage` is the share of the execution between valid samples without a hole.
    """

    device: Device
    power: ColumnStats | None = None
    utilisation: ColumnStats | None = None
    memory: ColumnStats | None = None
    temperature: ColumnStats | None = None
    energy_j: float | None = None
    energy_estimated_j: float = 0.0
    energy_source: str = ""
    energy_bound_j: float | None = None
    energy_second_j: float | None = None
    energy_disagreement: float | None = None
    energy_segments: int = 1
    update_s: float | None = None
    idle_s: float = 0.0
    use_known_s: float = 0.0
    idle_energy_j: float | None = None
    throttled_s: float = 0.0
    throttle_known_s: float = 0.0
    throttled_by: tuple[tuple[str, float], ...] = ()
    coverage: float | None = None
    clock: ColumnStats | None = None
    sm_busy: ColumnStats | None = None
    tensor_busy: ColumnStats | None = None
    dram_busy: ColumnStats | None = None
    peak_power_w: float | None = None

    @property
    def idle_share(self) -> float | None:
        """The share of the time with a known utilisation in which it was 0."""
        return self.idle_s / self.use_known_s if self.use_known_s > 0 else None

    @property
    def throttled_share(self) -> float | None:
        """The share of the time with known reasons in which power or heat held the clocks down."""
        return self.throttled_s / self.throttle_known_s if self.throttle_known_s > 0 else None


class SampleFile(NamedTuple):
    """A node's samples on disk: path inside the job directory, size, SHA-256 and rows."""

    path: str
    size_bytes: int
    sha256: str
    rows: int


class AgentSamples(NamedTuple):
    """What an agent beside the leader's wrote on a node, where a task sees its own GPUs only.

    `devices` are the numbers that it gave to the GPUs which the leader does not see, with theirs
    on the node. `zero_ms` is when its trace began (UTC), and `span_ms` when after that its first
    and its last sample were.
    """

    key: str
    samples: SampleFile
    columns: tuple[Column, ...]
    zero_ms: int | None
    span_ms: tuple[int, int] | None
    devices: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class NodeExecution:
    """What one step did on one node, from its agent's trace.

    `complete`: the agent wrote its last words. `ended_with_step`: it was killed a moment before,
    with the step; the time after its last sample is then estimated. `clock_offset_ms`: by how
    much its clock was ahead; the times here are corrected by it. `devices` are GPUs; `zones` all
    other parts whose power or memory was read: CPUs, memory, modules, instances, the node.
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
    zones: tuple[DeviceUse, ...] = ()
    cpu: ColumnStats | None = None
    memory: ColumnStats | None = None
    samples: SampleFile | None = None
    columns: tuple[Column, ...] = ()
    host: tuple[tuple[Column, ColumnStats], ...] = ()
    facts: Json = field(default_factory=dict)
    clock_offset_ms: int = 0
    others: tuple[AgentSamples, ...] = ()

    @property
    def sample_files(self) -> tuple[SampleFile, ...]:
        """What its agents sampled, the node's own first."""
        own = () if self.samples is None else (self.samples,)
        return (*own, *(other.samples for other in self.others))

    @property
    def own_tasks(self) -> tuple[Task, ...]:
        """The tasks that the launcher started, without workers that they started themselves."""
        return tuple(task for task in self.tasks if task.worker_of is None)


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
class Captured:
    """What one kind of capture found of a step; `data` is its dataclass, None where it failed.

    `problem` says why it failed; it began at `started_ms` (UTC) and took `took_ms`.
    """

    kind: str
    data: object
    problem: str = ""
    started_ms: int | None = None
    took_ms: int | None = None


@dataclass(frozen=True)
class Ending:
    """How a job or step ended: a state, its exit status or signal, and who says so."""

    state: str
    source: str
    exit_status: int | None = None
    signal: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Merit:
    """How many units of work a program says that it has done, and where it says so."""

    name: str
    value: float
    source: str


@dataclass(frozen=True)
class Tariff:
    """What a kWh emits and costs, by whom and as of when; None where it is not configured."""

    g_co2e_per_kwh: float | None
    price_per_kwh: float | None
    currency: str
    pue: float | None
    source: str
    date: str


@dataclass(frozen=True)
class Step:
    """One launched command of the job; times in ms since the epoch, UTC.

    `options` are those of yprov-run that ask for the same record. `restart` is how often the
    scheduler had started the job again by its launch.
    """

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
    collections: tuple[FileCollection, ...] = ()
    expected_nodes: int | None = None
    expected_tasks: int | None = None
    scheduler_step_id: str = ""
    captured: tuple[Captured, ...] = ()
    merits: tuple[Merit, ...] = ()
    tariff: Tariff | None = None
    restart: int = 0
    options: tuple[str, ...] = ()

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
    accounting: accounts.Captured | None = None

    @property
    def nodes(self) -> list[NodeExecution]:
        """The node executions of all steps."""
        return [node for step in self.steps for node in step.nodes]
