"""What is measured, and of what: quantities with their units, columns, and devices.

Apart from the model, so that the agent on each node loads no more than this.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from yprov_run.light import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Literal

    ColumnKind = Literal["gauge", "counter"]

Json = dict[str, object]


@dataclass(frozen=True)
class Quantity:
    """What a column measures: its stored integer times `factor` is the value in `unit`.

    `every`: it is read with each so many samples only, in turn with others, to save driver calls.
    """

    name: str
    stored_unit: str
    unit: str
    factor: float
    kind: ColumnKind = "gauge"
    every: int = 1


_KIB, _MIB = 1024, 1024 * 1024
SLOW = 4  # what changes slowly is read in turn, one thing a sample

# Power to 0.1 W and energy to 0.1 J: no sensor is better than some watts, and it saves a third of
# the bytes.
QUANTITIES: dict[str, Quantity] = {
    quantity.name: quantity
    for quantity in (
        Quantity("cpu_busy", "permille", "1", 1e-3),
        Quantity("cpu_iowait", "permille", "1", 1e-3),
        Quantity("memory_used", "mib", "B", _MIB),
        Quantity("swap_used", "mib", "B", _MIB),
        Quantity("load", "centi", "1", 1e-2, every=SLOW),
        Quantity("disk_read", "mib", "B", _MIB, "counter", every=SLOW),
        Quantity("disk_written", "mib", "B", _MIB, "counter", every=SLOW),
        Quantity("net_received", "mib", "B", _MIB, "counter", every=SLOW),
        Quantity("net_sent", "mib", "B", _MIB, "counter", every=SLOW),
        Quantity("fabric_received", "mib", "B", _MIB, "counter", every=SLOW),
        Quantity("fabric_sent", "mib", "B", _MIB, "counter", every=SLOW),
        Quantity("job_memory", "mib", "B", _MIB),
        Quantity("job_memory_peak", "mib", "B", _MIB),
        Quantity("job_cpu", "ms", "s", 1e-3, "counter"),
        Quantity("job_read", "kib", "B", _KIB, "counter"),
        Quantity("job_written", "kib", "B", _KIB, "counter"),
        Quantity("zone_energy", "dj", "J", 0.1, "counter"),
        Quantity("zone_power", "dw", "W", 0.1),
        Quantity("gpu_energy", "dj", "J", 0.1, "counter"),
        Quantity("gpu_power", "dw", "W", 0.1),
        Quantity("gpu_power_instant", "dw", "W", 0.1),
        Quantity("gpu_utilisation", "percent", "1", 1e-2),
        Quantity("gpu_memory_used", "mib", "B", _MIB),
        Quantity("gpu_throttle", "reasons", "1", 1.0, every=SLOW),
        Quantity("gpu_temperature", "celsius", "Cel", 1.0, every=SLOW),
        Quantity("gpu_sm_clock", "mhz", "Hz", 1e6, every=SLOW),
        Quantity("gpu_memory_clock", "mhz", "Hz", 1e6, every=SLOW),
        Quantity("gpu_sm_busy", "percent", "1", 1e-2, every=SLOW),
        Quantity("gpu_tensor_busy", "percent", "1", 1e-2, every=SLOW),
        Quantity("gpu_dram_busy", "percent", "1", 1e-2, every=SLOW),
        Quantity("gpu_nvlink_received", "mib", "B", _MIB, "counter"),
        Quantity("gpu_nvlink_sent", "mib", "B", _MIB, "counter"),
        Quantity("gpu_pcie_received", "mib", "B", _MIB, "counter"),
        Quantity("gpu_pcie_sent", "mib", "B", _MIB, "counter"),
    )
}


@dataclass(frozen=True)
class Column:
    """One column of a node's samples: a quantity, and the device it belongs to (None: the node)."""

    quantity: Quantity
    device: int | None = None

    def __hash__(self) -> int:
        return hash((self.quantity.name, self.device))  # a merge looks up millions

    @cached_property
    def name(self) -> str:
        """The column's header, with its unit: `cpu_busy_permille`, `gpu0_power_dw`."""
        label = f"{self.quantity.name}_{self.quantity.stored_unit}"
        if self.device is None:
            return label
        of, _, what = label.partition("_")
        return f"{of}{self.device}_{what}"


@dataclass(frozen=True)
class Device:
    """A GPU, or another part of a node whose power is measured; `uuid` is its key everywhere.

    `kind`: gpu; gpu-instance (of a MIG GPU, its `parent`'s UUID given); module (GPU and CPU
    together, or several GPUs); cpu; memory; core; platform; node. `source` is its sensor.
    `power_limit_w` is the most that it may draw. `power_window_s` is over how long the source
    averages a power reading: 0 for a momentary one, None where it does not say. `firmware` is the
    version of the board's (VBIOS).
    """

    index: int
    uuid: str
    name: str
    pci_bus_id: str = ""
    driver_version: str = ""
    kind: str = "gpu"
    source: str = "nvml"
    parent: str = ""
    power_limit_w: float | None = None
    power_window_s: float | None = None
    note: str = ""
    firmware: str = ""
