"""CPU packages and memory through RAPL, by the kernel's powercap interface.

A counter of microjoules per zone that starts again at `max_energy_range_uj`. Since the end of 2020
it is readable by root only, as it gives away what others compute.
"""

from __future__ import annotations

import time

from yprov_run.agent.sensors.base import SensorAbsentError, SensorUnavailableError
from yprov_run.agent.sensors.files import KernelFile, names, number, text
from yprov_run.measures import QUANTITIES, Column, Device

_UJ_PER_DJ = 100_000
REMEDY = (
    "an administrator can allow it: chmod o+r /sys/class/powercap/*/energy_uj, at each boot; "
    "it lets users of this node guess at each other's work"
)


class _Zone:
    """One zone's counter, made to run on where the hardware's starts again."""

    def __init__(self, folder: str) -> None:
        self._file = KernelFile(f"{folder}/energy_uj")
        self._range_uj = number(f"{folder}/max_energy_range_uj") or 0
        self.limit_uw = _limit_uw(folder)
        self._last = self._file.integer()
        self._total_uj = 0
        self._read_s = time.monotonic()
        self.may_have_wrapped_twice = False

    def read_dj(self) -> int | None:
        value = self._file.integer()
        if value is None or self._last is None:
            self._last = value
            return None
        now_s = time.monotonic()
        grown = value - self._last
        if grown < 0:
            grown += self._range_uj
        if self.limit_uw and (now_s - self._read_s) * self.limit_uw > self._range_uj > 0:
            self.may_have_wrapped_twice = True
        self._total_uj += max(0, grown)
        self._last, self._read_s = value, now_s
        return self._total_uj // _UJ_PER_DJ


def _limit_uw(folder: str) -> int | None:
    """Return the highest of a zone's power limits; a moment may be allowed more than a minute."""
    limits = [number(f"{folder}/constraint_{n}_power_limit_uw") for n in range(3)]
    return max((limit for limit in limits if limit), default=None)


def _kind(name: str) -> str:
    if name.startswith("package"):
        return "cpu"
    return {"dram": "memory", "psys": "platform"}.get(name, "core")


class RaplSensor:
    """The energy of every RAPL zone that can be read."""

    name = "rapl"

    def __init__(self, sys: str = "/sys") -> None:
        root = f"{sys}/class/powercap"
        # intel-rapl-mmio shows the same packages by another way.
        folders = [name for name in names(root) if name.startswith("intel-rapl:")]
        if not folders:
            raise SensorAbsentError("no RAPL zones")
        self._zones: list[_Zone] = []
        self.devices: list[Device] = []
        denied = ""
        for folder in folders:
            label = text(f"{root}/{folder}/name")
            try:
                zone = _Zone(f"{root}/{folder}")
            except PermissionError:
                denied = f"{root}/{folder}/energy_uj"
                continue
            except OSError:
                continue
            package = (
                text(f"{root}/{folder.rsplit(':', 1)[0]}/name") if folder.count(":") > 1 else ""
            )
            self._zones.append(zone)
            self.devices.append(
                Device(
                    len(self.devices), f"{self.name}:{folder.partition(':')[2]}",
                    f"{package} {label}".strip(), kind=_kind(label), source=self.name,
                    power_limit_w=zone.limit_uw / 1e6 if zone.limit_uw else None,
                )
            )  # fmt: skip
        if not self._zones:
            words = f"{denied} is readable by root only; {REMEDY}" if denied else "no zone answers"
            raise SensorUnavailableError(words)
        self.columns = [Column(QUANTITIES["zone_energy"], d.index) for d in self.devices]

    def read(self) -> list[int | None]:
        """Return each zone's energy since it was opened, in 0.1 J."""
        return [zone.read_dj() for zone in self._zones]

    read_last = read

    def counters(self) -> list[tuple[int, int | None]]:
        """Return nothing: they update every millisecond, which no look at them could tell."""
        return []

    def problems(self) -> list[str]:
        """Return which zone was read so late that its counter may have gone round twice."""
        found = []
        for zone, device in zip(self._zones, self.devices, strict=True):
            if zone.may_have_wrapped_twice:
                zone.may_have_wrapped_twice = False
                found.append(f"{device.name}: read too late, its counter may have gone round twice")
        return found
