"""Job directories written as real launches and agents write them, of any shape and size."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from yprov_run.jobdir import SCHEMA_VERSION, JobDir, StepDir
from yprov_run.model import QUANTITIES, Column
from yprov_run.trace import events, samples
from yprov_run.trace.reduction import Reduction

STARTED_MS = 1_795_233_600_000  # 2026-11-21 04:00 UTC

# (node, GPU, seconds since the start) -> power in W, utilisation 0 to 1, memory in GiB
Load = Callable[[int, int, float], tuple[float, float, float]]


def training(node: int, gpu: int, time_s: float) -> tuple[float, float, float]:
    """Return a well-used GPU: busy but for a dip at each checkpoint."""
    dip = 0.25 if time_s % 60 > 54 else 1.0
    use = dip * (0.9 + 0.06 * math.sin(time_s / 7 + gpu + node))
    return 90 + 330 * use, use, min(62.0, 8 + time_s / 4)


def idle_last(node: int, gpu: int, time_s: float) -> tuple[float, float, float]:
    """Return GPUs of which each node's last does nothing."""
    return (62.0, 0.0, 0.4) if gpu % 4 == 3 else training(node, gpu, time_s)


def imbalanced(node: int, gpu: int, time_s: float) -> tuple[float, float, float]:
    """Return nodes of which the first works, and the others wait for it most of the time."""
    power, use, memory = training(node, gpu, time_s)
    if node and time_s % 40 > 14:
        return 85.0, 0.03, memory
    return power, use, memory


@dataclass(frozen=True)
class Shape:
    """What a synthetic job is like; `dies_s` is when a node falls silent, by its index,
    and `ends_late_s` how much later than the others it ends."""

    name: str = "train"
    number: int = 4711
    nodes: int = 4
    gpus: int = 4
    seconds: int = 300
    interval_s: float = 1.0
    load: Load = training
    zones: Sequence[str] = ()
    throttle: Callable[[int, int, float], int] | None = None
    cpu: Callable[[int, float], float] = lambda node, time_s: 0.2
    io_wait: float | None = None
    node_memory_gib: float = 96.0
    job_memory_gib: float | None = None
    exit_status: int | None = 0
    signal: int | None = None
    has_end: bool = True
    dies_s: Mapping[int, float] = field(default_factory=dict)
    ends_late_s: Mapping[int, float] = field(default_factory=dict)
    argv: Sequence[str] = ("srun", "-N", "4", "python", "train.py", "--lr", "3e-4")
    node_name: str = "node{:04d}"
    tags: Mapping[str, str] = field(default_factory=dict)
    scheduler: Mapping[str, object] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[Mapping[str, object]] = ()
    user: str = "ada"
    started_ms: int = STARTED_MS


def write_record(base: Path, shape: Shape) -> JobDir:
    """Write a job's record below a folder and return its directory."""
    directory = JobDir(base / f"{shape.name[:40].replace('/', '-')}_{shape.number}")
    step = StepDir(directory.steps_dir / "0")
    step.nodes_dir.mkdir(parents=True)
    _write(directory.job_file, _job(shape, directory))
    _write(
        step.command,
        {
            "argv": list(shape.argv), "launcher": "srun", "recorded_on_nodes": True, "cwd": "/work",
            "host": "login1", "started_ms": shape.started_ms, "interval_s": shape.interval_s,
            "warning": "", "tags": dict(shape.tags),
        },
    )  # fmt: skip
    if shape.has_end:
        late_s = max(shape.ends_late_s.values(), default=0)
        ended = shape.started_ms + round(1000 * (shape.seconds + late_s)) + 400
        _write(
            step.end,
            {"exit_status": shape.exit_status, "signal": shape.signal, "error": "",
             "ended_ms": ended},
        )  # fmt: skip
    step.captured_dir.mkdir()
    _write(step.expected, {"kinds": []})
    _write(step.files, {"files": list(shape.files)})
    for node in range(shape.nodes):
        _write_node(step, shape, node)
    return directory


def _job(shape: Shape, directory: JobDir) -> dict[str, object]:
    return {
        "version": "0.1.0",
        "identity": {"scheduler": "slurm", "cluster": "testbed", "number": str(shape.number)},
        "name": shape.name,
        "number": str(shape.number),
        "directory": f"yprov/{directory.path.name}",
        "tags": dict(shape.tags),
        "created_ms": shape.started_ms,
        "user": {"name": shape.user, "uid": 1000, "gid": 1000},
        "platform": {"host": "login1", "system": "Linux", "kernel": "6.1", "machine": "x86_64"},
        "scheduler": {
            "scheduler": "slurm", "cluster": "testbed", "account": "physics", "user": shape.user,
            "variables": dict(shape.variables), **shape.scheduler,
        },
    }  # fmt: skip


def _write(path: Path, content: Mapping[str, object]) -> None:
    path.write_text(json.dumps({"schema": SCHEMA_VERSION, **content}))


def columns_of(gpus: int, with_throttle: bool = False) -> list[Column]:
    """Return the columns of a node with so many GPUs, in the agent's order."""
    host = [Column(QUANTITIES["cpu_busy"]), Column(QUANTITIES["memory_used"])]
    names = ["gpu_power", "gpu_utilisation", "gpu_memory_used", "gpu_temperature"]
    names += ["gpu_throttle"] if with_throttle else []
    return host + [Column(QUANTITIES[name], gpu) for gpu in range(gpus) for name in names]


def _write_node(step: StepDir, shape: Shape, node: int) -> None:
    name = shape.node_name.format(node)
    files = step.node(f"{name.replace('/', '-')[:60]}-boot{node:04x}")
    columns = columns_of(shape.gpus, shape.throttle is not None)
    if shape.job_memory_gib is not None:
        columns.append(Column(QUANTITIES["job_memory"]))
    if shape.io_wait is not None:
        columns.append(Column(QUANTITIES["cpu_iowait"]))
    zones = range(shape.gpus, shape.gpus + len(shape.zones))
    columns += [Column(QUANTITIES["zone_power"], zone) for zone in zones]
    reduction = Reduction(columns, shape.interval_s)
    silent_s = shape.dies_s.get(node, shape.seconds)
    rows = [samples.header(columns)]
    for count in range(int(silent_s / shape.interval_s) + 1):
        time_s = count * shape.interval_s
        values: list[int | None] = [
            round(1000 * shape.cpu(node, time_s)), round(1024 * shape.node_memory_gib)
        ]  # fmt: skip
        for gpu in range(shape.gpus):
            power, use, memory = shape.load(node, gpu, time_s)
            values += [round(10 * power), round(100 * use), round(1024 * memory),
                       round(30 + power / 10)]  # fmt: skip
            if shape.throttle is not None:
                values.append(shape.throttle(node, gpu, time_s))
        if shape.job_memory_gib is not None:
            values.append(round(1024 * shape.job_memory_gib))
        if shape.io_wait is not None:
            values.append(round(1000 * shape.io_wait))
        values += [1200 + zone for zone in zones]
        rows.append(samples.row(round(1000 * time_s), values))
        reduction.add(round(1000 * time_s), values)
    files.samples.write_text("\n".join(rows) + "\n")
    content = files.samples.read_bytes()
    size, digest = len(content), hashlib.sha256(content).hexdigest()
    files.tasks.write_text(f"task {node} 0 {2000 + node} -\n")
    lines = [
        events.line(
            events.NODE, time_ms=0, schema=SCHEMA_VERSION, name=name, hostname=name,
            boot_id=f"boot{node:04x}", utc_ms_at_zero=shape.started_ms + 200,
            interval_s=shape.interval_s, gpus_expected=shape.gpus,
            environment={"SLURM_NODEID": str(node)},
        ),
        events.line(
            events.COLUMNS, time_ms=1,
            columns=[[c.name, c.quantity.name, c.device] for c in columns],
            devices=[
                {"index": gpu, "uuid": f"GPU-{name}-{gpu}", "name": "NVIDIA H100 80GB HBM3",
                 "pci_bus_id": f"0000:{gpu:02x}:00.0", "driver_version": "550.54"}
                for gpu in range(shape.gpus)
            ] + [
                {"index": zone, "uuid": name, "name": name, "kind": "cpu", "source": "rapl"}
                for zone, name in zip(zones, shape.zones, strict=True)
            ],
        ),
        events.line(events.TASK, time_ms=2, pid=2000 + node, rank=node, local_rank=0, age_ms=2),
    ]  # fmt: skip
    if node not in shape.dies_s and shape.has_end:
        end_ms = round(1000 * (shape.seconds + shape.ends_late_s.get(node, 0)))
        lines += [
            events.line(events.TASK_END, time_ms=end_ms, pid=2000 + node,
                        exit_status=shape.exit_status, signal=shape.signal),
            events.line(
                events.END, time_ms=end_ms, reduction=reduction.as_json(), rows=len(rows) - 1,
                lost_lines=0, size_bytes=size, sha256=digest,
            ),
        ]  # fmt: skip
    files.events.write_text("\n".join(lines) + "\n")


def multiply(directory: JobDir, nodes: int) -> None:
    """Make so many nodes of a record's only one, all with the same samples; a matter of seconds."""
    step = StepDir(directory.steps_dir / "0")
    (key,) = step.node_keys()
    first = step.node(key)
    events_text, tasks_text = first.events.read_text(), first.tasks.read_text()
    for number in range(1, nodes):
        name = f"node{number:04d}"
        other = step.node(f"{name}-boot{number:04x}")
        other.samples.hardlink_to(first.samples)
        text = events_text.replace("node0000", name).replace("boot0000", f"boot{number:04x}")
        other.events.write_text(text)
        other.tasks.write_text(tasks_text)
