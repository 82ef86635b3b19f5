"""NVIDIA GPUs through NVML: power, energy, utilisation, memory, clocks, and what holds them back.

Energy and power come in one call. What changes slowly is asked for in turn, one thing a sample, so
that a sample costs four calls a GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import byref, c_uint, c_void_p

from yprov_run.agent.sensors import nvml_calls as calls
from yprov_run.agent.sensors import nvml_library as lib
from yprov_run.agent.sensors.base import SensorAbsentError, SensorUnavailableError
from yprov_run.agent.sensors.nvml_calls import Call
from yprov_run.agent.sensors.nvml_library import Nvml, NvmlError
from yprov_run.measures import QUANTITIES, SLOW, Column, Device

Maker = Callable[[Nvml, c_void_p], Call]

_GPU_FIELDS = (
    "gpu_energy", "gpu_power", "gpu_power_instant", "gpu_nvlink_received", "gpu_nvlink_sent",
    "gpu_pcie_received", "gpu_pcie_sent",
)  # fmt: skip
_ALWAYS: tuple[Maker, ...] = (calls.utilisation_call, calls.memory_call)
_IN_TURN: tuple[Maker, ...] = (
    calls.throttle_call, calls.temperature_call, calls.sm_clock_call, calls.memory_clock_call,
)  # fmt: skip
_DRIVER_NOT_LOADED = 9
_SPLIT = "split: its energy is that of all its instances, whoever has them"


class _Planned:
    """A call, where its values go, and whose turn it is (None: always)."""

    def __init__(self, device: Device, call: Call, first: int, turn: int | None) -> None:
        self.device = device
        self.call = call
        self.first = first
        self.turn = turn


class NvmlSensor:
    """All GPUs that the driver shows to this process, each with the quantities it supports.

    `silent_gpus` is how many it shows that cannot be opened for another reason than permission.
    """

    name = "nvml"

    def __init__(self, library: str = lib.LIBRARY) -> None:
        self.devices: list[Device] = []
        self.columns: list[Column] = []
        self._problems: list[str] = []
        self._failing: set[tuple[str, int]] = set()
        self._plan: list[_Planned] = []
        self._counters: list[tuple[int, Call]] = []
        self.silent_gpus = 0
        self._turn = -1  # the first reading asks for everything
        try:
            self._nvml = Nvml(library)
            self._driver = self._nvml.text("nvmlSystemGetDriverVersion")
            self._add_gpus(self._nvml.number("nvmlDeviceGetCount_v2"))
        except OSError as error:
            raise SensorAbsentError(f"no {library}: {error}") from error
        except NvmlError as error:
            kind = SensorAbsentError if error.code == _DRIVER_NOT_LOADED else SensorUnavailableError
            raise kind(f"NVML: {error}") from error

    def _add_gpus(self, count: int) -> None:
        """Add each GPU that can be opened; NvmlError if there are some, and none can."""
        failed: NvmlError | None = None
        for index in range(count):
            try:
                self._add_gpu(self._nvml.handle("nvmlDeviceGetHandleByIndex_v2", c_uint(index)))
            except NvmlError as error:
                failed = error
                # The driver counts those of other jobs too, and does not let us open them.
                if error.code != lib.NO_PERMISSION:
                    self.silent_gpus += 1
                    self._problems.append(f"GPU number {index}: {error}")
        if failed is not None and not self.devices:
            raise NvmlError(failed.code, "; ".join(self._problems) or str(failed))

    def _add_gpu(self, handle: c_void_p) -> None:
        uuid = self._nvml.text("nvmlDeviceGetUUID", handle)
        name = self._nvml.text("nvmlDeviceGetName", handle)
        pci = lib.PciInfo()
        self._nvml.call("nvmlDeviceGetPciInfo_v3", handle, byref(pci))
        bus_id = pci.bus_id.decode("utf-8", "replace")
        module = calls.fields_call(self._nvml, handle, ("zone_power",))
        # Grace Hopper's counter is that of the module: GPU, CPU and memory together.
        wanted = _GPU_FIELDS[1:] if module else _GPU_FIELDS
        fields = calls.fields_call(self._nvml, handle, wanted)
        averaged = fields is not None and "gpu_power" in fields.quantities
        instances = self._instances(handle)
        device = Device(
            len(self.devices), uuid, name, bus_id, self._driver,
            power_limit_w=self._limit_w(handle),
            power_window_s=1.0 if averaged else None,
            note=_SPLIT if instances else "",
            firmware=self._firmware(handle),
        )  # fmt: skip
        self.devices.append(device)
        self._add_calls(device, handle, fields, has_own_counter=module is None)
        if module is not None:
            self._add_module(uuid, name, handle)
        for instance in instances:
            self._add_instance(instance, uuid, handle)

    def _firmware(self, handle: c_void_p) -> str:
        try:
            return self._nvml.text("nvmlDeviceGetVbiosVersion", handle)
        except NvmlError:
            return ""

    def _limit_w(self, handle: c_void_p) -> float | None:
        try:
            return self._nvml.number("nvmlDeviceGetEnforcedPowerLimit", handle) / 1000
        except NvmlError:
            return None

    def _add_calls(
        self, device: Device, handle: c_void_p, fields: Call | None, has_own_counter: bool
    ) -> None:
        has = set() if fields is None else set(fields.quantities)
        if fields is not None:
            self._add_call(device, fields, None)
        if "gpu_energy" not in has and has_own_counter:
            self._try_call(device, handle, calls.energy_call, "gpu_energy", None)
        if "gpu_power" not in has:
            self._try_call(device, handle, calls.power_call, "gpu_power", None)
        if Column(QUANTITIES["gpu_energy"], device.index) in self.columns:
            # A call of its own, so that it may be made beside a reading.
            self._counters.append((device.index, calls.energy_call(self._nvml, handle)))
        for maker in _ALWAYS:
            self._try_call(device, handle, maker, maker.__name__, None)
        self._try_performance(device, handle)
        for turn, maker in enumerate(_IN_TURN):
            self._try_call(device, handle, maker, maker.__name__, (turn + device.index) % SLOW)

    def _try_performance(
        self, device: Device, handle: c_void_p, instance: c_void_p | None = None
    ) -> None:
        """Plan the performance metrics where there are any; older GPUs having none is no gap."""
        try:
            number = (
                None
                if instance is None
                else self._nvml.number("nvmlDeviceGetGpuInstanceId", instance)
            )
            call = calls.performance_call(self._nvml, handle, number)
        except NvmlError as error:
            if error.code == lib.NO_PERMISSION:
                self._problems.append(f"{device.uuid}: performance metrics: {error}")
            return
        self._add_call(device, call, device.index % SLOW)

    def _try_call(
        self, device: Device, handle: c_void_p, maker: Maker, what: str, turn: int | None
    ) -> None:
        """Plan a call, unless this GPU says that it never can answer it."""
        try:
            call = maker(self._nvml, handle)
            status, _ = call.make()
            if NvmlError(status, "").is_final:
                self._nvml.check(status)
        except NvmlError as error:
            what = what.removesuffix("_call")
            self._problems.append(f"{device.uuid}: no {what} from this driver: {error}")
            return
        self._add_call(device, call, turn)  # another fault may pass; its cells stay empty

    def _add_call(self, device: Device, call: Call, turn: int | None) -> None:
        self._plan.append(_Planned(device, call, len(self.columns), turn))
        self.columns += [Column(QUANTITIES[name], device.index) for name in call.quantities]

    def _add_module(self, gpu: str, name: str, handle: c_void_p) -> None:
        call = calls.fields_call(self._nvml, handle, ("zone_energy", "zone_power"))
        if call is None:
            return
        device = Device(
            len(self.devices), f"{gpu}/module", f"{name} module", driver_version=self._driver,
            kind="module", parent=gpu, power_window_s=1.0,
            power_limit_w=calls.module_limit_w(self._nvml, handle),
        )  # fmt: skip
        self.devices.append(device)
        self._add_call(device, call, None)
        if "zone_energy" in call.quantities:
            # A call of its own, so that it may be made beside a reading.
            self._counters.append((device.index, calls.energy_call(self._nvml, handle)))

    def _instances(self, handle: c_void_p) -> list[c_void_p]:
        """Return the handles of a GPU's MIG instances; none where it is whole."""
        current, pending, found = c_uint(), c_uint(), []
        try:
            self._nvml.call("nvmlDeviceGetMigMode", handle, byref(current), byref(pending))
            count = self._nvml.number("nvmlDeviceGetMaxMigDeviceCount", handle)
        except NvmlError:
            return []
        for index in range(count if current.value else 0):
            try:
                found.append(
                    self._nvml.handle("nvmlDeviceGetMigDeviceHandleByIndex", handle, c_uint(index))
                )
            except NvmlError:
                continue  # a slot without an instance, or one of another job
        return found

    def _add_instance(self, handle: c_void_p, parent: str, parent_handle: c_void_p) -> None:
        try:
            uuid = self._nvml.text("nvmlDeviceGetUUID", handle)
            name = self._nvml.text("nvmlDeviceGetName", handle)
            memory = calls.memory_call(self._nvml, handle)
        except NvmlError as error:
            self._problems.append(f"an instance of {parent}: {error}")
            return
        device = Device(
            len(self.devices), uuid, name, driver_version=self._driver,
            kind="gpu-instance", parent=parent,
        )  # fmt: skip
        self.devices.append(device)
        self._add_call(device, memory, None)
        # How busy it is: all that the driver tells of an instance alone.
        self._try_performance(device, parent_handle, handle)

    def read(self) -> list[int | None]:
        """Return one value per column; a quantity that fails is empty, and named once."""
        values: list[int | None] = [None] * len(self.columns)
        for planned in self._plan:
            if planned.turn is None or self._turn < 0 or planned.turn == self._turn:
                status, found = planned.call.make()
                if status:
                    self._name(planned, status)
                else:
                    values[planned.first : planned.first + len(found)] = found
        self._turn = (self._turn + 1) % SLOW
        return values

    def read_last(self) -> list[int | None]:
        """Return energy and power only."""
        values: list[int | None] = [None] * len(self.columns)
        for planned in self._plan:
            if planned.call.quantities[0].endswith(("_energy", "_power", "_instant")):
                _, found = planned.call.make()
                values[planned.first : planned.first + len(found)] = found
        return values

    def counters(self) -> list[tuple[int, int | None]]:
        """Return the energy counters, read by calls of their own."""
        return [(device, call.make()[1][0]) for device, call in self._counters]

    def _name(self, planned: _Planned, status: int) -> None:
        uuid = planned.device.uuid
        if (uuid, status) not in self._failing:
            self._failing.add((uuid, status))
            words = self._nvml.words(status)
            self._problems.append(f"{uuid}: {words} (first met for {planned.call.quantities[0]})")

    def problems(self) -> list[str]:
        """Return what failed since the last call."""
        problems, self._problems = self._problems, []
        return problems
