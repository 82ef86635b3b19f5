"""What sensors of sysfs share: a column, and what reads it, for each attribute that is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from yprov_run.agent.sensors.files import KernelFile, text
from yprov_run.measures import QUANTITIES, Column, Device

Reader = Callable[[], "int | None"]


class Readers:
    """The base of a sensor whose every column has a reader of its own."""

    def __init__(self) -> None:
        self.devices: list[Device] = []
        self.columns: list[Column] = []
        self._readers: list[Reader] = []
        self._counters: list[tuple[int, Reader]] = []

    def _column(self, quantity: str, index: int, reader: Reader) -> None:
        self.columns.append(Column(QUANTITIES[quantity], index))
        self._readers.append(reader)
        if quantity.endswith("_energy"):
            self._counters.append((index, reader))

    def read(self) -> list[int | None]:
        """Return one value per column; an attribute that fails is empty."""
        return [reader() for reader in self._readers]

    read_last = read

    def counters(self) -> list[tuple[int, int | None]]:
        """Return the energy counters as they stand."""
        return [(index, reader()) for index, reader in self._counters]

    def problems(self) -> list[str]:
        """Return nothing: what an attribute cannot tell is an empty cell."""
        return []


def scaled(file: KernelFile, divisor: int) -> Reader:
    """Return what reads a file's number in a larger unit."""

    def read() -> int | None:
        value = file.integer()
        return None if value is None else value // divisor

    return read


def pci_address(folder: str) -> str:
    """Return the PCI address of a device's folder, as `0000:c1:00.0`."""
    for line in text(f"{folder}/uevent").splitlines():
        if line.startswith("PCI_SLOT_NAME="):
            return line.partition("=")[2]
    return Path(folder).resolve().name
