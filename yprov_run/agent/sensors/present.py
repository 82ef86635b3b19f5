"""Which sensors this machine has, without touching any driver."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from yprov_run.agent.sensors.base import Hasty, Joined, Lasting, Sensor, SensorUnavailableError
from yprov_run.agent.sensors.files import names, text
from yprov_run.agent.sensors.host import HostSensor


@dataclass(frozen=True)
class Roots:
    """Where the kernel's files are: elsewhere, a recorded machine is replayed."""

    sys: str = "/sys"
    proc: str = "/proc"


def local_sensors(roots: Roots, pids: Callable[[], Sequence[int]]) -> tuple[Joined, list[str], str]:
    """Return what is read in the loop itself, as it never blocks; what is missing; and whence the
    job's own use is taken."""
    from yprov_run.agent.sensors.job import JobSensor

    job = JobSensor(pids, roots.proc, roots.sys)
    lasting: list[Lasting] = [HostSensor(roots.proc, roots.sys), job]
    sensors: list[Sensor] = [*lasting]
    missing: list[str] = []
    hasty: list[Hasty] = []
    if any(name.startswith("intel-rapl:") for name in names(f"{roots.sys}/class/powercap")):
        from yprov_run.agent.sensors.rapl import RaplSensor

        try:
            rapl = RaplSensor(roots.sys)
            sensors.append(rapl)
            hasty.append(rapl)
        except SensorUnavailableError as error:
            missing.append(f"rapl: {error}")
    return Joined(sensors, hasty, lasting), missing, job.source


def driver_sensors(roots: Roots) -> list[tuple[str, Callable[[], Sensor]]]:
    """Return the sensors whose calls may block, each with what opens it; NVML's always."""
    found: list[tuple[str, Callable[[], Sensor]]] = [("nvml", _nvml)]
    drm = f"{roots.sys}/class/drm"
    if any(text(f"{drm}/{card}/device/vendor") == "0x1002" for card in names(drm)):
        found.append(("amdgpu", lambda: _amdgpu(roots.sys)))
    if Path(f"{roots.sys}/cray/pm_counters").is_dir():
        found.append(("pm_counters", lambda: _cray(roots.sys)))
    if any(_is_power_monitor(f"{roots.sys}/class/hwmon/{m}")
           for m in names(f"{roots.sys}/class/hwmon")):  # fmt: skip
        found.append(("hwmon", lambda: _hwmon(roots.sys)))
    return found


def _is_power_monitor(folder: str) -> bool:
    return text(f"{folder}/name") in ("i915", "xe", "power_meter")


# Each import here and not above: what a machine lacks need not be in the agent's memory.
def _nvml() -> Sensor:
    from yprov_run.agent.sensors.nvml import NvmlSensor

    return NvmlSensor()


def _amdgpu(sys: str) -> Sensor:
    from yprov_run.agent.sensors.amdgpu import AmdGpuSensor

    return AmdGpuSensor(sys)


def _cray(sys: str) -> Sensor:
    from yprov_run.agent.sensors.cray import CraySensor

    return CraySensor(sys)


def _hwmon(sys: str) -> Sensor:
    from yprov_run.agent.sensors.hwmon import HwmonSensor

    return HwmonSensor(sys)
