"""AMD GPUs from sysfs alone: hwmon, and the driver's table `gpu_metrics` by its version.

The energy accumulator counts 2^-16 J. On a card of two dies the second shows no power of its own:
it is in the first one's.
"""

from __future__ import annotations

from yprov_run.agent.sensors.base import SensorAbsentError
from yprov_run.agent.sensors.files import KernelFile, names, number, open_if_there, text
from yprov_run.agent.sensors.readers import Readers, pci_address, scaled
from yprov_run.agent.sensors.render import usable
from yprov_run.measures import Device

VENDOR = "0x1002"
_ENERGY_AT = {(1, 1): 24, (1, 2): 24, (1, 3): 24, (1, 4): 24, (1, 5): 88}
_PAIR = "without power of its own: that is in the other die's of its card"


class GpuMetrics:
    """The driver's table: its layout hangs on the version in its first four bytes."""

    def __init__(self, path: str) -> None:
        self._file = KernelFile(path)
        table = self._file.read()
        self.version = (table[2], table[3]) if len(table) >= 4 else (0, 0)
        self._energy_at = _ENERGY_AT.get(self.version)

    def energy_dj(self) -> int | None:
        """Return the energy accumulator in 0.1 J; None where this version has none we know."""
        if self._energy_at is None:
            return None
        try:
            table = self._file.read()
        except OSError:
            return None
        count = int.from_bytes(table[self._energy_at : self._energy_at + 8], "little")
        if not 0 < count < (1 << 64) - 1:
            return None
        return count * 10 >> 16


_SYSFS = (
    ("gpu_utilisation", "gpu_busy_percent", 1),
    ("gpu_memory_used", "mem_info_vram_used", 1 << 20),
)
_HWMON = (
    ("gpu_temperature", "temp1_input", 1000),
    ("gpu_sm_clock", "freq1_input", 1_000_000),
    ("gpu_memory_clock", "freq2_input", 1_000_000),
)


class AmdGpuSensor(Readers):
    """All AMD GPUs of the node that the kernel shows, and lets this job use."""

    name = "amdgpu"

    def __init__(self, sys: str = "/sys", dev: str = "/dev") -> None:
        super().__init__()
        root = f"{sys}/class/drm"
        cards = [card for card in names(root) if card.startswith("card") and card[4:].isdecimal()]
        folders = [f"{root}/{card}/device" for card in cards]
        for folder in usable([f for f in folders if text(f"{f}/vendor") == VENDOR], dev):
            self._add(folder)
        if not self.devices:
            raise SensorAbsentError("no AMD GPU")

    def _add(self, folder: str) -> None:
        index = len(self.devices)
        monitors = [f"{folder}/hwmon/{name}" for name in names(f"{folder}/hwmon")]
        monitor = monitors[0] if monitors else ""
        bus_id = pci_address(folder)
        limit_uw = number(f"{monitor}/power1_cap")
        power = open_if_there(f"{monitor}/power1_average") or open_if_there(
            f"{monitor}/power1_input"
        )
        metrics = _metrics(f"{folder}/gpu_metrics")
        has_power = power is not None and bool(power.integer())
        has_energy = metrics is not None and metrics.energy_dj() is not None
        if metrics is not None and has_energy:
            self._column("gpu_energy", index, metrics.energy_dj)
        if power is not None and has_power:
            self._column("gpu_power", index, scaled(power, 100_000))
        for base, entries in ((folder, _SYSFS), (monitor, _HWMON)):
            for quantity, name, divisor in entries:
                file = open_if_there(f"{base}/{name}")
                if file is not None:
                    self._column(quantity, index, scaled(file, divisor))
        unique = text(f"{folder}/unique_id")
        self.devices.append(
            Device(
                index, f"GPU-{unique}" if unique else f"PCI-{bus_id}",
                text(f"{folder}/product_name") or f"AMD GPU {text(f'{folder}/device')}", bus_id,
                source=self.name, power_limit_w=limit_uw / 1e6 if limit_uw else None,
                note="" if has_power or has_energy else _PAIR,
                firmware=text(f"{folder}/vbios_version"),
            )
        )  # fmt: skip


def _metrics(path: str) -> GpuMetrics | None:
    try:
        return GpuMetrics(path)
    except OSError:
        return None
