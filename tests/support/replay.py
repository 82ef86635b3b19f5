"""Sampling the fake GPUs on a clock of the test's own: hours in milliseconds, to the last digit."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from yprov_run.agent.sensors.base import Sensor
from yprov_run.agent.sensors.nvml import NvmlSensor
from yprov_run.agent.updates import LOOK_S, POLL_S, SHORT_JOB_S, UpdateWatch, energies
from yprov_run.agent.written import Clock, NodeTrace
from yprov_run.jobdir import NodeFiles
from yprov_run.merge.node import read_node
from yprov_run.model import NodeExecution
from yprov_run.trace import events
from yprov_run.trace.events import LAST_LOOK_S

NODE = "n1-00000000"


class StoppedClock:
    """Time that stands until the test moves it, for the agent and for the fake GPUs."""

    def __init__(self, library: Path, now_s: float) -> None:
        self._set = ctypes.CDLL(str(library / "libnvidia-ml.so.1")).fake_nvml_set_time
        self._set.argtypes = [ctypes.c_double]
        self._set.restype = None
        self.now_s = 0.0
        self.move(now_s)

    def move(self, now_s: float) -> None:
        """Let it be that time, in s since the epoch."""
        self.now_s = now_s
        self._set(now_s)

    def clock(self) -> Clock:
        """Return it as the agent's."""
        return Clock(lambda: self.now_s, lambda: round(self.now_s * 1000))


def sampled(
    folder: Path,
    time: StoppedClock,
    sensor: Sensor,
    lasts_s: float,
    interval_s: float = 1.0,
    late_s: Callable[[int], float] = lambda sample: 0.0,
) -> NodeExecution:
    """Sample a sensor as the agent does, every reading `late_s` after its time; then merge."""
    begin_s = time.now_s
    trace = NodeTrace(str(folder / NODE), time.clock())
    trace.event(events.NODE, name="n1", utc_ms_at_zero=round(begin_s * 1000), interval_s=interval_s)
    trace.event(
        events.COLUMNS,
        columns=[[c.name, c.quantity.name, c.device] for c in sensor.columns],
        devices=[asdict(device) for device in sensor.devices],
    )
    trace.begin(sensor.columns, interval_s)
    values: list[int | None] = []
    for sample in range(round(lasts_s / interval_s) + 1):
        at_s = begin_s + sample * interval_s
        time.move(at_s + late_s(sample))
        values = sensor.read()
        trace.add((round((at_s - begin_s) * 1000), list(values)))
        if sample == 0:
            _observe(trace, time, sensor, list(values), at="start")
    time.move(begin_s + lasts_s)
    trace.flush()
    trace.event(events.END, **trace.summary())
    if lasts_s < SHORT_JOB_S:
        _observe(trace, time, sensor, values, at="end")
    trace.close()
    execution, _ = read_node(NodeFiles(folder, NODE), folder, None)
    return execution


def _observe(
    trace: NodeTrace, time: StoppedClock, sensor: Sensor, values: list[int | None], at: str
) -> None:
    watch, until_s = UpdateWatch(), time.now_s + (LOOK_S if at == "start" else LAST_LOOK_S)
    watch.see(time.now_s, energies(sensor.columns, values))
    while time.now_s < until_s and not watch.is_certain:
        watch.see(time.now_s, sensor.counters())
        time.move(time.now_s + POLL_S)
    longest = watch.longest_ms() if at == "start" else {}
    trace.event(
        events.UPDATES,
        at=at,
        longest_ms={str(device): ms for device, ms in longest.items()},
        grown_dj={str(device): dj for device, dj in watch.grown.items()},
    )


def fake_gpus(library: Path) -> NvmlSensor:
    """Return the sensor on the fake library."""
    return NvmlSensor(str(library / "libnvidia-ml.so.1"))
