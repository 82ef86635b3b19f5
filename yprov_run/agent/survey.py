"""What the sensors of this machine say now: each asked once, none waited for if it blocks."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from yprov_run.agent.isolate import IsolatedSensor
from yprov_run.agent.sensors.base import Sensor
from yprov_run.agent.sensors.present import Roots, driver_sensors, local_sensors
from yprov_run.measures import SLOW, Column, Device

_PATIENCE_S = 6.0
_BETWEEN_S = 0.2  # what is a difference needs two readings


@dataclass
class Answer:
    """A sensor's devices with their values in SI units, or what keeps it from answering."""

    name: str
    devices: Sequence[Device] = ()
    values: list[tuple[Column, float]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    source: str = ""


def roots_of(environ: dict[str, str] | None = None) -> Roots:
    """Return where the kernel's files are: `YPROV_SYS_ROOT` and `YPROV_PROC_ROOT` move them."""
    variables = os.environ if environ is None else environ
    return Roots(variables.get("YPROV_SYS_ROOT", "/sys"), variables.get("YPROV_PROC_ROOT", "/proc"))


def survey(roots: Roots) -> list[Answer]:
    """Return every sensor's answer; takes up to some seconds where a driver blocks."""
    isolated = [
        IsolatedSensor(name, opener, time.monotonic) for name, opener in driver_sensors(roots)
    ]
    local, missing, job_source = local_sensors(roots, lambda: [os.getpid()])
    latest = local.read()
    answers = [_asked(sensor) for sensor in isolated]
    time.sleep(_BETWEEN_S)
    for _ in range(SLOW):  # some things are read in turn
        latest = [
            before if now is None else now for now, before in zip(local.read(), latest, strict=True)
        ]
    source = f"the job's own use: {job_source}"
    answers.insert(0, Answer("host", local.devices, _values(local, latest), source=source))
    answers += [Answer(what.partition(":")[0], problems=[what.partition(": ")[2]])
                for what in missing]  # fmt: skip
    return answers


def _asked(sensor: IsolatedSensor) -> Answer:
    until = time.monotonic() + _PATIENCE_S
    while not sensor.settled and time.monotonic() < until:
        sensor.wait(until - time.monotonic())
        sensor.take()
        sensor.check()
    reading = None
    sensor.request()
    while sensor.is_open and not sensor.lost and reading is None and time.monotonic() < until:
        sensor.wait(until - time.monotonic())
        reading = sensor.take()
    problems = [problem.partition(": ")[2] for problem in sensor.check()]
    if sensor.lost:
        return Answer(sensor.name, problems=problems or [sensor.lost])
    values = [] if reading is None else _values(sensor, reading[1])
    if reading is None:
        problems.append(f"no answer within {_PATIENCE_S:g} s")
    return Answer(sensor.name, sensor.devices, values, problems)


def _values(
    sensor: Sensor | IsolatedSensor, reading: Sequence[int | None]
) -> list[tuple[Column, float]]:
    return [
        (column, value * column.quantity.factor)
        for column, value in zip(sensor.columns, reading, strict=True)
        if value is not None
    ]
