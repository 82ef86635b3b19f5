"""Power and energy of hardware monitors: Intel GPUs (i915, xe), the rails of NVIDIA Grace, and the
node's own meter, which a board's controller (IPMI, DCMI) shows through ACPI to everybody.
"""

from __future__ import annotations

from yprov_run.agent.sensors.base import SensorAbsentError
from yprov_run.agent.sensors.files import KernelFile, names, number, open_if_there, text
from yprov_run.agent.sensors.readers import Readers, pci_address, scaled
from yprov_run.agent.sensors.render import usable
from yprov_run.measures import Device

_INTEL = ("i915", "xe")
_WHOLE_CARD = ("card", "")
# What is measured of a Grace superchip: its CPU rail is a part of Grace, and Grace of the module.
_GRACE = {"module": "module", "grace": "cpu", "cpu": "core", "sysio": "core"}
_NODE_METER = "power_meter"
_UJ_PER_DJ = _UW_PER_DW = 100_000


class HwmonSensor(Readers):
    """Every monitor that measures power or energy of something known."""

    name = "hwmon"

    def __init__(self, sys: str = "/sys", dev: str = "/dev") -> None:
        super().__init__()
        root = f"{sys}/class/hwmon"
        drivers = {f"{root}/{monitor}": text(f"{root}/{monitor}/name") for monitor in names(root)}
        gpus = [f"{folder}/device" for folder, driver in drivers.items() if driver in _INTEL]
        ours = usable(gpus, dev)
        for folder, driver in drivers.items():
            if f"{folder}/device" in ours:
                self._add_intel(folder, driver)
            rail = text(f"{folder}/device/power1_oem_info")
            if rail:
                self._add_rail(folder, rail, _GRACE.get(rail.partition(" ")[0].lower()))
            elif driver == _NODE_METER:
                self._add_rail(folder, "node meter", "node")
        if not self.devices:
            raise SensorAbsentError("no power monitor")

    def _add_intel(self, folder: str, driver: str) -> None:
        file = None
        for channel in ("energy1", "energy2"):
            if text(f"{folder}/{channel}_label") in _WHOLE_CARD:
                file = file or open_if_there(f"{folder}/{channel}_input")
        file = file or open_if_there(f"{folder}/energy1_input")
        if file is None:
            return
        index = len(self.devices)
        bus_id = pci_address(f"{folder}/device")
        limit_uw = number(f"{folder}/power1_max") or number(f"{folder}/power1_rated_max")
        self.devices.append(
            Device(
                index, f"PCI-{bus_id}", f"Intel GPU {text(f'{folder}/device/device')}".strip(),
                bus_id, source=driver, power_limit_w=limit_uw / 1e6 if limit_uw else None,
            )
        )  # fmt: skip
        self._column("gpu_energy", index, scaled(file, _UJ_PER_DJ))

    def _add_rail(self, folder: str, rail: str, kind: str | None) -> None:
        """Add a meter such as `Module Power Socket 0`."""
        try:
            file = KernelFile(f"{folder}/device/power1_average")
        except OSError:
            return
        if kind is None:
            return
        index = len(self.devices)
        window_ms = number(f"{folder}/device/power1_average_interval")
        self.devices.append(
            Device(
                index, f"{self.name}:{rail.lower().replace(' ', '-')}", rail, kind=kind,
                source=self.name, power_window_s=window_ms / 1000 if window_ms else None,
            )
        )  # fmt: skip
        self._column("zone_power", index, scaled(file, _UW_PER_DW))
