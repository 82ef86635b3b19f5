"""Entry of the node agent, started by the task shim: base path, leader, ranks, interval."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from yprov_run import __version__
from yprov_run.agent.isolate import IsolatedSensor
from yprov_run.agent.loop import Agent
from yprov_run.agent.notes import Notes, is_first_node
from yprov_run.agent.sensors.base import Joined, SensorUnavailableError
from yprov_run.agent.sensors.present import Roots, driver_sensors, local_sensors
from yprov_run.agent.watch import TaskWatch
from yprov_run.agent.written import Clock, NodeTrace
from yprov_run.jobdir import SCHEMA_VERSION
from yprov_run.numerals import of_digits
from yprov_run.schedulers import slurm
from yprov_run.trace import events

_STDERR = 2
HELPER = "+"  # in the name of a file: by the agent of a task that sees other GPUs than the leader
_DRIVER_PATIENCE_S = 5
GPU_SENSORS = ("nvml", "amdgpu")


def main(arguments: list[str]) -> None:
    """Sample this node until its tasks have ended; then end at once, whatever else hangs."""
    base, leader, ranks, interval_s = arguments
    _leave_the_task()
    is_helper = HELPER in Path(base).name
    if is_helper and _sees_what_the_leader_sees():
        return
    clock = Clock(time.monotonic, lambda: time.time_ns() // 1_000_000)
    try:
        trace = NodeTrace(base, clock)
    except FileExistsError:
        # Two parts of a heterogeneous step share this node: its first agent watches both.
        return
    watch = TaskWatch(Path(base + ".tasks"))
    roots = _roots()
    host, missing, job_source = (
        (Joined([]), [], "") if is_helper else local_sensors(roots, watch.pids)
    )
    trace.event(
        events.NODE, **_node_facts(clock, ranks, float(interval_s), trace), job_use=job_source
    )
    for what in missing:
        trace.event(events.GAP, what=what)
    sensors = [
        IsolatedSensor(name, opener, clock.monotonic)
        for name, opener in driver_sensors(roots)
        if not is_helper or name in GPU_SENSORS
    ]
    agent = Agent(trace, watch, host, sensors, float(interval_s), clock, _deadman())
    agent.catch_up, agent.read_rest = host.catch_up, host.read_rest
    if not is_helper:
        agent.notes = Notes(is_first_node(os.environ))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, _STDERR)
    try:
        agent.run(int(leader))
    except Exception as error:  # noqa: BLE001 - fails open: named as a gap
        trace.event(events.GAP, what=f"agent failed: {type(error).__name__}: {error}")
    # A driver call that blocks in its thread must not keep this process.
    os._exit(0)


def _sees_what_the_leader_sees() -> bool:
    """Tell whether a task that may have GPUs of its own sees all of the node's job."""
    promised = os.environ.get("SLURM_GPUS_ON_NODE", "")
    if of_digits(promised) is None:
        return False
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_DRIVER_PATIENCE_S)  # a driver that blocks here ends this process
    seen = 0
    for name, opener in driver_sensors(_roots()):
        if name in GPU_SENSORS:
            with contextlib.suppress(SensorUnavailableError):
                sensor = opener()
                seen += sum(device.kind == "gpu" for device in sensor.devices)
                # NVML's that do not answer: no other task sees them better.
                seen += getattr(sensor, "silent_gpus", 0)
    signal.alarm(0)
    return seen >= int(promised)


def _roots() -> Roots:
    return Roots(
        os.environ.get("YPROV_SYS_ROOT", "/sys"), os.environ.get("YPROV_PROC_ROOT", "/proc")
    )


def _deadman() -> Callable[[float], object]:
    """Return what makes the kernel end this process after some seconds, even in a driver call."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    return lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)


def _leave_the_task() -> None:
    """Give up what would tie this process to the task: its session, its open files."""
    os.setsid()
    for descriptor in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if descriptor > _STDERR:
            with contextlib.suppress(OSError):  # the listing's own is closed by now
                os.close(descriptor)


def _node_facts(clock: Clock, ranks: str, interval_s: float, trace: NodeTrace) -> dict[str, object]:
    before = clock.monotonic()
    machine = os.uname()
    return {
        "schema": SCHEMA_VERSION,
        "version": __version__,
        "name": os.environ.get("SLURMD_NODENAME") or machine.nodename,
        "hostname": machine.nodename,
        "boot_id": _boot_id(),
        "kernel": machine.release,
        "machine": machine.machine,
        "cpus": os.cpu_count(),
        "ranks": ranks,
        "interval_s": interval_s,
        "utc_ms_at_zero": clock.utc_ms() - trace.ms(before),
        "gpus_expected": _gpus_expected(),
        "environment": {**slurm.variables(os.environ), **_rank_variables()},
        "python": sys.version.split()[0],
    }


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _gpus_expected() -> int:
    """Return how many GPUs the scheduler or the driver's list promises on this node."""
    promised = of_digits(os.environ.get("SLURM_GPUS_ON_NODE", ""))
    if promised is not None:
        return promised
    granted = os.environ.get("SLURM_STEP_GPUS") or os.environ.get("SLURM_JOB_GPUS") or ""
    if granted:
        return len(granted.split(","))
    try:
        return sum(1 for _ in Path("/proc/driver/nvidia/gpus").iterdir())
    except OSError:
        return 0


def _rank_variables() -> dict[str, str]:
    names = ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", "CUDA_VISIBLE_DEVICES")
    return {name: os.environ[name] for name in names if name in os.environ}
