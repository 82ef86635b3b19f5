"""Write a job's record as real agents write it, of any size, by the agents' own writers.

    python benchmarks/synthesize.py JOB_DIR --nodes N --gpus-per-node G [--die K]

Every node's files are made by the code that makes them on a node: events, samples with their
checksum, the running reduction. K nodes, spread over the job, die: they leave samples of
`--die-seconds` and no last words, so that their figures must be rebuilt.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from yprov_run import __version__
from yprov_run.agent.written import Clock, NodeTrace
from yprov_run.jobdir import SCHEMA_VERSION, JobDir, NodeFiles
from yprov_run.launch.plan import make_plan
from yprov_run.launch.record import open_job, record_end, record_step
from yprov_run.launch.supervise import Outcome
from yprov_run.model import QUANTITIES, Column, Json
from yprov_run.schedulers.facts import SchedulerFacts
from yprov_run.trace import events

TASKS_PER_NODE = 8
_NODES_AT_ONCE = 100
ARGV = ("srun", "--ntasks-per-node=8", "python", "train.py", "--lr", "3e-4")
# What an H100's driver tells, and what the first sample of each comes to (0: a counter).
_GPU = {
    "energy": 0, "power": 4_200, "power_instant": 4_300, "nvlink_received": 0, "nvlink_sent": 0,
    "pcie_received": 0, "pcie_sent": 0, "utilisation": 70, "memory_used": 61_000, "throttle": 0,
    "temperature": 60, "sm_clock": 1_755, "memory_clock": 2_619,
}  # fmt: skip
_HOST = {
    "cpu_busy": 240, "memory_used": 210_000, "swap_used": 0, "load": 800, "disk_read": 0,
    "disk_written": 0, "net_received": 0, "net_sent": 0, "fabric_received": 0, "fabric_sent": 0,
    "job_memory": 180_000, "job_memory_peak": 200_000, "job_cpu": 0, "job_read": 0,
    "job_written": 0,
}  # fmt: skip
_HARDWARE = {
    "kernel": "5.14.0-427.el9.x86_64", "kernel_build": "#1 SMP", "system": "Rocky Linux 9.4",
    "huge_pages": "madvise", "cpu_model": "AMD EPYC 9454", "cpu_microcode": "0xa101148",
    "virtual": False, "cpus": 128, "sockets": 2, "cores_per_socket": 32, "threads_per_core": 2,
    "numa_nodes": 8, "l3_cache": "32768K", "memory_gib": 1536,
}  # fmt: skip
_LIBRARIES = [f"/usr/lib64/lib{name}.so" for name in ("c", "m", "cuda", "nccl", "cublas", "cudnn")]
_UPDATE_MS = 98
_UPDATE_DJ = 412


class _Time:
    """A clock that is told the time, in seconds since the job's start."""

    def __init__(self, start_ms: int) -> None:
        self.start_ms = start_ms
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def utc_ms(self) -> int:
        return self.start_ms + round(self.now_s * 1000)


def _columns(gpus: int) -> list[Column]:
    return [Column(QUANTITIES[name]) for name in _HOST] + [
        Column(QUANTITIES[f"gpu_{name}"], gpu) for gpu in range(gpus) for name in _GPU
    ]


def _values(columns: Sequence[Column], second: int, node: int) -> list[int | None]:
    """Return one row: a slow wave over each gauge, a counter that follows the power."""
    swing = math.sin(2 * math.pi * second / 30)
    row: list[int | None] = []
    for column in columns:
        name = column.quantity.name
        base = _HOST[name] if column.device is None else _GPU[name.partition("_")[2]]
        shift = (column.device or 0) + node % 7
        every = column.quantity.every
        if second and every > 1 and (second + shift) % every:
            row.append(None)  # read in turn with others
        elif column.quantity.kind == "counter":
            row.append(4_200 * second + 10 * shift)  # from its first sample on
        else:
            row.append(base and base + shift + int(base / 7 * swing))
    return row


def _devices(node: int, gpus: int) -> list[Json]:
    return [
        {
            "index": gpu,
            "uuid": f"GPU-{uuid.uuid5(uuid.NAMESPACE_OID, f'{node}/{gpu}')}",
            "name": "NVIDIA H100 80GB HBM3",
            "pci_bus_id": f"00000000:{0x1B + gpu:02X}:00.0",
            "driver_version": "570.86.15",
            "kind": "gpu",
            "source": "nvml",
            "parent": "",
            "power_limit_w": 700.0,
            "power_window_s": 1.0,
            "note": "",
        }
        for gpu in range(gpus)
    ]


def _node_facts(node: int, nodes: int, name: str, start_ms: int) -> Json:
    return {
        "schema": SCHEMA_VERSION,
        "version": __version__,
        "name": name,
        "hostname": name,
        "boot_id": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
        "kernel": "5.14.0-427.el9.x86_64",
        "machine": "x86_64",
        "cpus": 128,
        "ranks": "slurm",
        "interval_s": 1.0,
        "utc_ms_at_zero": start_ms,
        "gpus_expected": 0,
        "environment": {
            "SLURM_JOB_ID": "4711",
            "SLURM_STEP_ID": "0",
            "SLURM_NODEID": str(node),
            "SLURM_STEP_NODELIST": f"node[00000-{nodes - 1:05d}]",
            "SLURM_STEP_NUM_TASKS": str(nodes * TASKS_PER_NODE),
        },
        "python": "3.11.9",
    }


@dataclass(frozen=True)
class Shape:
    """What the job is to look like; times in seconds."""

    nodes: int
    gpus: int
    die: int = 0
    seconds: int = 20
    die_seconds: int = 3600

    def dies(self, node: int) -> bool:
        """Tell whether this node dies; they are spread over the job."""
        return self.die > 0 and node * self.die // self.nodes != (node - 1) * self.die // self.nodes


def _write_node(nodes_dir: Path, node: int, shape: Shape, start_ms: int) -> None:
    """Write one node's three files."""
    name = f"node{node:05d}"
    files = NodeFiles(nodes_dir, f"{name}-{uuid.uuid5(uuid.NAMESPACE_DNS, name).hex[:8]}")
    pids = [40_000 + local for local in range(TASKS_PER_NODE)]
    ranks = [node * TASKS_PER_NODE + local for local in range(TASKS_PER_NODE)]
    lines = [f"task {ranks[local]} {local} {pid} {local}\n" for local, pid in enumerate(pids)]
    files.tasks.write_text("".join(lines))
    clock = _Time(start_ms)
    trace = NodeTrace(str(files.tasks).removesuffix(".tasks"), Clock(clock.monotonic, clock.utc_ms))
    trace.event(events.NODE, **_node_facts(node, shape.nodes, name, start_ms))
    for local, pid in enumerate(pids):
        trace.event(
            events.TASK, rank=ranks[local], local_rank=local, pid=pid, age_ms=0,
            visible_gpus=str(local),
        )  # fmt: skip
    trace.event(events.HARDWARE, **_HARDWARE)
    for pid in pids[:1]:
        trace.event(
            events.PROGRAM, pid=pid, exe="/opt/python/bin/python3.11", files=_LIBRARIES,
            elsewhere=False,
        )  # fmt: skip
    columns = _columns(shape.gpus)
    trace.event(
        events.COLUMNS,
        columns=[[column.name, column.quantity.name, column.device] for column in columns],
        devices=_devices(node, shape.gpus),
    )
    trace.begin(columns, 1.0)
    trace.event(events.UPDATES, at="start", **_updates(shape.gpus))
    for second in range(shape.die_seconds if shape.dies(node) else shape.seconds):
        clock.now_s = float(second)
        trace.add((second * 1000, _values(columns, second, node)))
        trace.flush_if_due()
    trace.flush()
    if shape.dies(node):
        return
    for pid in pids:
        trace.event(events.TASK_END, pid=pid, exit_status=0, signal=None, source="pidfd")
    trace.event(
        events.END, **trace.summary(), utc_ms=clock.utc_ms(), late_samples=0, skipped_samples=0,
        agent_cpu_s=1.25, agent_peak_rss_kib=22_000,
    )  # fmt: skip


def _updates(gpus: int) -> Json:
    """Return how often the counters update, and by how much they grew until they did."""
    return {
        "longest_ms": {str(gpu): _UPDATE_MS for gpu in range(gpus)},
        "grown_dj": {str(gpu): _UPDATE_DJ - gpu for gpu in range(gpus)},
    }


def _write_some(asked: tuple[Path, range, Shape, int]) -> None:
    nodes_dir, some, shape, start_ms = asked
    for node in some:
        _write_node(nodes_dir, node, shape, start_ms)


def synthesize(job_dir: Path, shape: Shape) -> JobDir:
    """Write the record of a job and return its directory, named `<name>_<number>`."""
    name, _, number = job_dir.name.rpartition("_")
    scheduler = SchedulerFacts("slurm", number, name, "synthetic", account="p42")
    directory = open_job(job_dir.parent, name, scheduler, {"made": "by benchmarks/synthesize.py"})
    step = directory.add_step()
    record_step(step, ARGV, make_plan(ARGV, step, ""), 1.0, {}, restart=0, capture=False)
    start_ms = time.time_ns() // 1_000_000 + 400
    parts = [
        (step.nodes_dir, range(first, min(first + _NODES_AT_ONCE, shape.nodes)), shape, start_ms)
        for first in range(0, shape.nodes, _NODES_AT_ONCE)
    ]
    # A process ends with the files of its nodes: an agent keeps its own open as long as it lives.
    with multiprocessing.Pool(maxtasksperchild=1) as pool:
        pool.map(_write_some, parts, chunksize=1)
    # Long after the last sample of those that died: they did not end with the step.
    length_s = shape.die_seconds + 600 if shape.die else shape.seconds
    record_end(step, Outcome(start_ms - 400, start_ms + length_s * 1000, exit_status=0))
    return directory


def main() -> None:
    """Read the command line and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("job_dir", type=Path, metavar="JOB_DIR", help="NAME_NUMBER, not there yet")
    parser.add_argument("--nodes", type=int, required=True)
    parser.add_argument("--gpus-per-node", type=int, required=True)
    parser.add_argument("--die", type=int, default=0, metavar="K", help="nodes that die")
    parser.add_argument("--seconds", type=int, default=20, help="samples of a node that lives")
    parser.add_argument("--die-seconds", type=int, default=3600, help="samples of one that dies")
    asked = parser.parse_args()
    shape = Shape(asked.nodes, asked.gpus_per_node, asked.die, asked.seconds, asked.die_seconds)
    print(synthesize(asked.job_dir.absolute(), shape).path)


if __name__ == "__main__":
    main()
