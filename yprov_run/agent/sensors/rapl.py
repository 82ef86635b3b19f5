"""CPU packages and memory through RAPL, by the kernel's powercap interface.

A counter of microjoules per zone that starts again at `max_energy_range_uj`. Since the end of 2020
it is readable by root only, as it gives away what others compute.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from yprov_run.agent.sensors.base import SensorAbsentError, SensorUnavailableError
from yprov_run.agent.sensors.files import KernelFile, names, number, text
from yprov_run.measures import QUANTITIES, Column, Device

Monotonic = Callable[[], float]

_UJ_PER_DJ = 100_000
_UNKNOWN_UW = 1_000_000_000  # AMD's zones tell no limit, and no package draws as much
_SOON_S = 1.0
_STEADY_S = 0.05  # a counter of a millisecond's grain tells a power over so long
REMEDY = (
    "an administrator can allow it: chmod o+r /sys/class/powercap/*/energy_uj, at each boot; "
    "it lets users of this node guess at each other's work"
)


class _Zone:
    """One zone's counter, made to run on where the hardware's starts again.

    Where it may have gone round more than once between two looks at it, nobody knows how much was
    drawn: what is read next is less than what was read last, as of a counter that began anew.
    """

    def __init__(self, folder: str, monotonic: Monotonic) -> None:
        self._file = KernelFile(f"{folder}/energy_uj")
        self._range_uj = number(f"{folder}/max_energy_range_uj") or 0
        self.limit_uw = _limit_uw(folder)
        self._monotonic = monotonic
        self._last = self._file.integer()
        self._looked_s = monotonic()
        self._total_uj = 0
        self._read_dj = 0
        self._highest_uw = 0.0
        self._is_broken = False
        self.unseen_s = 0.0  # how long nobody looked, where that was too long

    def read_dj(self) -> int | None:
        """Return what was drawn since the zone was opened; None where it cannot be read now."""
        if not self.look():
            return None
        if self._is_broken:
            self._is_broken = False
            self._total_uj = (self._read_dj - 1) * _UJ_PER_DJ
        self._read_dj = self._total_uj // _UJ_PER_DJ
        return self._read_dj

    def look(self) -> bool:
        """Take what was drawn since the last look; tell whether the counter could be read."""
        value = self._file.integer()
        if value is None:
            return False
        now_s = self._monotonic()
        elapsed_s = now_s - self._looked_s
        if self._last is not None:
            if elapsed_s * self._most_uw > self._range_uj > 0:
                self._is_broken = True
                self.unseen_s = self.unseen_s or elapsed_s
            else:
                self._take(value - self._last, elapsed_s)
        self._last, self._looked_s = value, now_s
        return True

    def _take(self, grown_uj: int, elapsed_s: float) -> None:
        if grown_uj < 0:
            grown_uj += self._range_uj
        self._total_uj += max(0, grown_uj)
        if elapsed_s > _STEADY_S:
            self._highest_uw = max(self._highest_uw, grown_uj / elapsed_s)

    @property
    def _most_uw(self) -> float:
        """What it may draw over some time, so that it would be noticed if it went round twice."""
        return max(self.limit_uw or _UNKNOWN_UW, 2 * self._highest_uw)

    def due_s(self) -> float:
        """Return when it is to be looked at again at the latest, to know how often it went round.

        Four times as often as need be: an agent may be late.
        """
        if not self._range_uj:
            return math.inf
        return self._looked_s + self._range_uj / (4 * self._most_uw)


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

    def __init__(self, sys: str = "/sys", monotonic: Monotonic = time.monotonic) -> None:
        root = f"{sys}/class/powercap"
        self._due_s = 0.0
        self._named: set[int] = set()
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
                zone = _Zone(f"{root}/{folder}", monotonic)
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

    def catch_up(self, now_s: float) -> float:
        """Look at each zone whose counter may else go round twice; return when to call again.

        It is called often, and almost always costs a comparison.
        """
        if now_s >= self._due_s:
            for zone in self._zones:
                if now_s >= zone.due_s():
                    zone.look()
            # A zone that cannot be read now is not asked again at once.
            self._due_s = max(now_s + _SOON_S, min(zone.due_s() for zone in self._zones))
        return self._due_s

    def counters(self) -> list[tuple[int, int | None]]:
        """Return nothing: they update every millisecond, which no look at them could tell."""
        return []

    def problems(self) -> list[str]:
        """Return which zone was once read so late that its counter may have gone round twice."""
        found = []
        for zone, device in zip(self._zones, self.devices, strict=True):
            if zone.unseen_s and device.index not in self._named:
                self._named.add(device.index)
                found.append(
                    f"{device.name}: not read for {zone.unseen_s:.0f} s, in which its counter may "
                    "have gone round twice: what it drew then is an estimate"
                )
        return found
