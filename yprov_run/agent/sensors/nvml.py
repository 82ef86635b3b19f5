"""NVIDIA GPUs through NVML: power, energy counter, utilisation, memory, temperature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pynvml

from yprov_run.agent.sensors.base import SensorUnavailableError
from yprov_run.model import QUANTITIES, Column, Device

Getter = Callable[[Any], int]


def _power_mw(handle: Any) -> int:
    return int(pynvml.nvmlDeviceGetPowerUsage(handle))


def _energy_mj(handle: Any) -> int:
    return int(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle))


def _utilisation_percent(handle: Any) -> int:
    return int(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)


def _memory_used_mib(handle: Any) -> int:
    return int(pynvml.nvmlDeviceGetMemoryInfo(handle).used) >> 20


def _temperature_celsius(handle: Any) -> int:
    return int(pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU))


# The counter first: its two ends bound the energy, so it is read as close as can be to its time.
_GETTERS: tuple[tuple[str, Getter], ...] = (
    ("gpu_energy", _energy_mj),
    ("gpu_power", _power_mw),
    ("gpu_utilisation", _utilisation_percent),
    ("gpu_memory_used", _memory_used_mib),
    ("gpu_temperature", _temperature_celsius),
)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


class NvmlSensor:
    """All GPUs that the driver shows to this process, each with the quantities it supports."""

    name = "nvml"

    def __init__(self) -> None:
        try:
            pynvml.nvmlInit()
            handles = [
                pynvml.nvmlDeviceGetHandleByIndex(index)
                for index in range(pynvml.nvmlDeviceGetCount())
            ]
            driver = _text(pynvml.nvmlSystemGetDriverVersion())
            self.devices = [
                self._device(index, handle, driver) for index, handle in enumerate(handles)
            ]
        except pynvml.NVMLError as error:
            raise SensorUnavailableError(f"NVML: {error}") from error
        self._problems: list[str] = []
        self._failing: set[tuple[str, str]] = set()
        self._plan = [
            (device, handle, quantity, getter)
            for device, handle in zip(self.devices, handles, strict=True)
            for quantity, getter in self._supported(device, handle)
        ]
        self.columns = [
            Column(QUANTITIES[quantity], device.index) for device, _, quantity, _ in self._plan
        ]

    @staticmethod
    def _device(index: int, handle: Any, driver: str) -> Device:
        return Device(
            index=index,
            uuid=_text(pynvml.nvmlDeviceGetUUID(handle)),
            name=_text(pynvml.nvmlDeviceGetName(handle)),
            pci_bus_id=_text(pynvml.nvmlDeviceGetPciInfo(handle).busId),
            driver_version=driver,
        )

    def _supported(self, device: Device, handle: Any) -> list[tuple[str, Getter]]:
        """Return what this GPU can tell; what it says it never can gets no column."""
        supported = []
        for quantity, getter in _GETTERS:
            try:
                getter(handle)
            except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_FunctionNotFound):
                self._problems.append(f"{device.uuid}: no {quantity} from this driver")
                continue
            except pynvml.NVMLError:
                pass  # it may come back; until then its cells stay empty
            supported.append((quantity, getter))
        return supported

    def read(self) -> list[int | None]:
        """Return one value per column; a quantity that fails is empty, and named once."""
        values: list[int | None] = []
        for device, handle, quantity, getter in self._plan:
            try:
                values.append(getter(handle))
            except pynvml.NVMLError as error:
                values.append(None)
                if (device.uuid, str(error)) not in self._failing:
                    self._failing.add((device.uuid, str(error)))
                    self._problems.append(f"{device.uuid}: {error} (first met for {quantity})")
        return values

    def problems(self) -> list[str]:
        """Return what failed since the last call."""
        problems, self._problems = self._problems, []
        return problems
