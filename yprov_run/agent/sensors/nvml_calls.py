"""The driver calls of one GPU, each made ready once: few calls, as each takes the driver's lock."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from ctypes import byref, c_uint, c_ulonglong, c_void_p
from functools import partial

from yprov_run.agent.sensors import nvml_library as lib
from yprov_run.agent.sensors.nvml_library import Nvml, NvmlError

Status = Callable[..., int]


class Call:
    """One driver call that gives the values of some quantities."""

    def __init__(
        self,
        quantities: Sequence[str],
        function: Status,
        arguments: Sequence[object],
        values: Callable[[], list[int | None]],
    ) -> None:
        self.quantities = quantities
        self._function = function
        self._arguments = arguments
        self._values = values

    def make(self) -> tuple[int, list[int | None]]:
        """Return NVML's status, and one value per quantity."""
        status = self._function(*self._arguments)
        return status, [None] * len(self.quantities) if status else self._values()


def deciwatt(milliwatt: int) -> int:
    """Return a power in 0.1 W."""
    return (milliwatt + 50) // 100


def decijoule(millijoule: int) -> int:
    """Return an energy in 0.1 J."""
    return millijoule // 100


def _kib_to_mib(number: int) -> int:
    return number >> 10


def _bytes_to_mib(number: int) -> int:
    return number >> 20


_FIELDS: tuple[tuple[str, int, int, Callable[[int], int]], ...] = (
    ("gpu_energy", lib.FIELD_ENERGY, 0, decijoule),
    ("gpu_power", lib.FIELD_POWER_AVERAGE, 0, deciwatt),
    ("gpu_power_instant", lib.FIELD_POWER_INSTANT, 0, deciwatt),
    ("gpu_nvlink_received", lib.FIELD_NVLINK_RECEIVED, lib.ALL_LINKS, _kib_to_mib),
    ("gpu_nvlink_sent", lib.FIELD_NVLINK_SENT, lib.ALL_LINKS, _kib_to_mib),
    ("gpu_pcie_received", lib.FIELD_PCIE_RECEIVED, 0, _bytes_to_mib),
    ("gpu_pcie_sent", lib.FIELD_PCIE_SENT, 0, _bytes_to_mib),
    ("zone_energy", lib.FIELD_ENERGY, 0, decijoule),
    ("zone_power", lib.FIELD_POWER_AVERAGE, lib.SCOPE_MODULE, deciwatt),
)
_WIDE = (2, 3)  # types of 64 bits: a counter of 32 would wrap between two samples


def fields_call(nvml: Nvml, handle: c_void_p, wanted: Sequence[str]) -> Call | None:
    """Return the call that reads several fields at once: those that this GPU has, or None."""
    known = [entry for entry in _FIELDS if entry[0] in wanted]
    try:
        function = nvml.function("nvmlDeviceGetFieldValues")
    except NvmlError:
        return None
    array = _field_array(known)
    if function(handle, c_uint(len(known)), array):
        return None
    has = [entry for entry, field in zip(known, array, strict=True) if _is_usable(entry[0], field)]
    if not has:
        return None
    fields = _field_array(has)
    pairs = [(field, entry[3]) for entry, field in zip(has, fields, strict=True)]

    def values() -> list[int | None]:
        return [None if field.status else convert(field.number()) for field, convert in pairs]

    return Call([entry[0] for entry in has], function, (handle, c_uint(len(has)), fields), values)


def module_limit_w(nvml: Nvml, handle: c_void_p) -> float | None:
    """Return the power limit of a Grace Hopper module; None where the driver tells none."""
    fields = (lib.FieldValue * 1)()
    fields[0].id, fields[0].scope = lib.FIELD_POWER_LIMIT, lib.SCOPE_MODULE
    status = nvml.function("nvmlDeviceGetFieldValues")(handle, c_uint(1), fields)
    return None if status or fields[0].status else fields[0].number() / 1000 or None


def _field_array(
    entries: Sequence[tuple[str, int, int, Callable[[int], int]]],
) -> ctypes.Array[lib.FieldValue]:
    array = (lib.FieldValue * len(entries))()
    for field, (_, number, scope, _) in zip(array, entries, strict=True):
        field.id, field.scope = number, scope
    return array


def _is_usable(quantity: str, field: lib.FieldValue) -> bool:
    if field.status:
        return False
    return not quantity.startswith(("gpu_pcie", "gpu_nvlink")) or field.type in _WIDE


def energy_call(nvml: Nvml, handle: c_void_p) -> Call:
    """Return the call for the energy counter, 0.1 J since the driver was loaded."""
    counter = c_ulonglong()
    function = nvml.function("nvmlDeviceGetTotalEnergyConsumption")
    return Call(
        ["gpu_energy"], function, (handle, byref(counter)), lambda: [decijoule(counter.value)]
    )


def power_call(nvml: Nvml, handle: c_void_p) -> Call:
    """Return the call for the power: a mean over a second, or a momentary one on older GPUs."""
    power = c_uint()
    function = nvml.function("nvmlDeviceGetPowerUsage")
    return Call(["gpu_power"], function, (handle, byref(power)), lambda: [deciwatt(power.value)])


def utilisation_call(nvml: Nvml, handle: c_void_p) -> Call:
    """Return the call for the share of time in which a kernel ran."""
    rates = lib.Utilisation()
    function = nvml.function("nvmlDeviceGetUtilizationRates")
    return Call(["gpu_utilisation"], function, (handle, byref(rates)), lambda: [rates.gpu])


def memory_call(nvml: Nvml, handle: c_void_p) -> Call:
    """Return the call for memory in use, without what the driver keeps where it tells."""
    try:
        function = nvml.function("nvmlDeviceGetMemoryInfo_v2")
    except NvmlError:
        older = lib.Memory()
        function = nvml.function("nvmlDeviceGetMemoryInfo")
        return Call(["gpu_memory_used"], function, (handle, byref(older)),
                    lambda: [older.used >> 20])  # fmt: skip
    memory = lib.Memory2(version=lib.Memory2.VERSION)
    return Call(["gpu_memory_used"], function, (handle, byref(memory)), lambda: [memory.used >> 20])


def throttle_call(nvml: Nvml, handle: c_void_p) -> Call:
    """Return the call for the reasons that hold the clocks down, as NVML's bits."""
    reasons = c_ulonglong()
    function = nvml.function(
        "nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"
    )
    return Call(["gpu_throttle"], function, (handle, byref(reasons)), lambda: [reasons.value])


def temperature_call(nvml: Nvml, handle: c_void_p) -> Call:
    """Return the call for the chip's temperature."""
    try:
        function = nvml.function("nvmlDeviceGetTemperatureV")
    except NvmlError:
        celsius = c_uint()
        function = nvml.function("nvmlDeviceGetTemperature")
        arguments = (handle, c_uint(0), byref(celsius))
        return Call(["gpu_temperature"], function, arguments, lambda: [celsius.value])
    reading = lib.Temperature(version=lib.Temperature.VERSION)
    return Call(["gpu_temperature"], function, (handle, byref(reading)), lambda: [reading.celsius])


def sm_clock_call(nvml: Nvml, handle: c_void_p) -> Call:
    """Return the call for the clock of the multiprocessors."""
    return _clock_call(nvml, handle, "gpu_sm_clock", lib.CLOCK_SM)


def memory_clock_call(nvml: Nvml, handle: c_void_p) -> Call:
    """Return the call for the memory's clock."""
    return _clock_call(nvml, handle, "gpu_memory_clock", lib.CLOCK_MEMORY)


def _clock_call(nvml: Nvml, handle: c_void_p, quantity: str, which: int) -> Call:
    clock = c_uint()
    function = nvml.function("nvmlDeviceGetClockInfo")
    arguments = (handle, c_uint(which), byref(clock))
    return Call([quantity], function, arguments, lambda: [clock.value])


_GPM = (
    ("gpu_sm_busy", lib.GPM_SM_BUSY),
    ("gpu_tensor_busy", lib.GPM_TENSOR_BUSY),
    ("gpu_dram_busy", lib.GPM_DRAM_BUSY),
)
_HIGHEST_METRIC = 1_000_000


class PerformanceCall(Call):
    """How busy the parts of a GPU were since the call before (Hopper and newer): no profiler.

    `instance` is the id of a GPU instance where it is that of a MIG GPU, with the GPU's handle.
    """

    def __init__(self, nvml: Nvml, handle: c_void_p, instance: int | None) -> None:
        if instance is None:
            self._take = partial(nvml.function("nvmlGpmSampleGet"), handle)
        else:
            self._take = partial(nvml.function("nvmlGpmMigSampleGet"), handle, c_uint(instance))
        self._older = nvml.handle("nvmlGpmSampleAlloc")
        self._newer = nvml.handle("nvmlGpmSampleAlloc")
        self._metrics = lib.GpmMetrics(version=lib.GpmMetrics.VERSION, count=len(_GPM))
        for metric, (_, number) in zip(self._metrics.metrics, _GPM, strict=False):
            metric.id = number
        super().__init__(
            [name for name, _ in _GPM], nvml.function("nvmlGpmMetricsGet"),
            (byref(self._metrics),), self._percent,
        )  # fmt: skip
        nvml.check(self._take(self._older))

    def make(self) -> tuple[int, list[int | None]]:
        """Take a sample, and return what was between it and the one before, in percent."""
        status = self._take(self._newer)
        if status:
            return status, [None] * len(_GPM)
        self._metrics.first, self._metrics.second = self._older, self._newer
        result = super().make()
        self._older, self._newer = self._newer, self._older
        return result

    def _percent(self) -> list[int | None]:
        metrics = self._metrics.metrics[: len(_GPM)]
        return [None if metric.status else _whole(metric.value) for metric in metrics]


def _whole(value: float) -> int | None:
    """Return a metric to the nearest integer; None where it is no number that a GPU can mean."""
    return round(value) if abs(value) < _HIGHEST_METRIC else None  # a NaN is not less either


def performance_call(nvml: Nvml, handle: c_void_p, instance: int | None = None) -> Call:
    """Return the call for the performance metrics of a GPU, or of its instance of that id.

    Raises NvmlError where there are none.
    """
    support = lib.GpmSupport(version=lib.GpmSupport.VERSION)
    nvml.call("nvmlGpmQueryDeviceSupport", handle, byref(support))
    if not support.is_supported:
        raise NvmlError(lib.NOT_SUPPORTED, "older than Hopper")
    return PerformanceCall(nvml, handle, instance)
