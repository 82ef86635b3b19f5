"""NVIDIA's management library (NVML), as much of it as the sensor needs, through ctypes.

The names, numbers and layouts are those of nvml.h, which NVIDIA keeps stable; a test holds them
against its own Python binding, nvidia-ml-py. That one is not loaded here: with what it imports it
takes 2.9 MiB of the agent's memory, and each call through it twice the time of a call whose
arguments were made once.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import Structure, Union, byref, c_char, c_uint, c_ulonglong, c_void_p

from yprov_run.light import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

LIBRARY = "libnvidia-ml.so.1"

NOT_SUPPORTED = 3
NO_PERMISSION = 4
FUNCTION_NOT_FOUND = 13
_NEVER = {2, NOT_SUPPORTED, NO_PERMISSION, FUNCTION_NOT_FOUND, 25, 26}
_TEXT_BYTES = 96

FIELD_ENERGY = 83
FIELD_NVLINK_SENT, FIELD_NVLINK_RECEIVED = 138, 139
FIELD_POWER_AVERAGE, FIELD_POWER_INSTANT = 185, 186
FIELD_POWER_LIMIT = 190
FIELD_PCIE_SENT, FIELD_PCIE_RECEIVED = 197, 198
SCOPE_MODULE = 1
ALL_LINKS = 0xFFFFFFFF
CLOCK_SM, CLOCK_MEMORY = 1, 2
GPM_SM_BUSY, GPM_TENSOR_BUSY, GPM_DRAM_BUSY = 2, 5, 10
_GPM_MAX_METRICS = 512


class Value(Union):
    """A field's value; which member is valid stands in `FieldValue.type`."""

    _fields_ = (("double", ctypes.c_double), ("unsigned", c_uint), ("long", c_ulonglong))


class FieldValue(Structure):
    """One field, asked for and answered."""

    _fields_ = (
        ("id", c_uint), ("scope", c_uint), ("timestamp", ctypes.c_int64),
        ("latency_us", ctypes.c_int64), ("type", c_uint), ("status", c_uint), ("value", Value),
    )  # fmt: skip

    def number(self) -> int:
        """Return the value as an integer."""
        if self.type == 0:
            return int(self.value.double)
        return int(self.value.unsigned if self.type in (1, 5) else self.value.long)


class Utilisation(Structure):
    """Percent of time in which a kernel ran, and in which memory was read or written."""

    _fields_ = (("gpu", c_uint), ("memory", c_uint))


class Memory(Structure):
    """Memory in bytes; what the driver keeps for itself is in `used`."""

    _fields_ = (("total", c_ulonglong), ("free", c_ulonglong), ("used", c_ulonglong))


class Memory2(Structure):
    """Memory in bytes; what the driver keeps for itself stands apart."""

    VERSION = 0x02000028
    _fields_ = (
        ("version", c_uint), ("total", c_ulonglong), ("reserved", c_ulonglong),
        ("free", c_ulonglong), ("used", c_ulonglong),
    )  # fmt: skip


class Temperature(Structure):
    """A sensor (0: the chip's) and its temperature in degrees Celsius."""

    VERSION = 0x100000C
    _fields_ = (("version", c_uint), ("sensor", c_uint), ("celsius", ctypes.c_int))


class PciInfo(Structure):
    """Where a GPU is."""

    _fields_ = (
        ("legacy", c_char * 16), ("domain", c_uint), ("bus", c_uint), ("device", c_uint),
        ("device_id", c_uint), ("subsystem_id", c_uint), ("bus_id", c_char * 32),
    )  # fmt: skip


class GpmSupport(Structure):
    """Whether a GPU has performance metrics."""

    VERSION = 1
    _fields_ = (("version", c_uint), ("is_supported", c_uint))


class GpmMetric(Structure):
    """One performance metric between two samples."""

    _fields_ = (
        ("id", c_uint), ("status", c_uint), ("value", ctypes.c_double),
        ("short_name", c_void_p), ("long_name", c_void_p), ("unit", c_void_p),
    )  # fmt: skip


class GpmMetrics(Structure):
    """Two samples, and the metrics wanted between them."""

    VERSION = 1
    _fields_ = (
        ("version", c_uint), ("count", c_uint), ("first", c_void_p), ("second", c_void_p),
        ("metrics", GpmMetric * _GPM_MAX_METRICS),
    )  # fmt: skip


class NvmlError(Exception):
    """What NVML answered: its code, and its own words for it."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code

    @property
    def is_final(self) -> bool:
        """Tell whether asking again is of no use."""
        return self.code in _NEVER


class Nvml:
    """The library, loaded and initialised. Raises OSError if it is not there, or NvmlError."""

    def __init__(self, path: str = LIBRARY) -> None:
        self._library = ctypes.CDLL(path)
        self._names: dict[str, Callable[..., int]] = {}
        self.call("nvmlInitWithFlags", 0)

    def function(self, *names: str) -> Callable[..., int]:
        """Return the first of some functions that this version of the library has."""
        for name in names:
            if name not in self._names:
                try:
                    self._names[name] = self._library[name]
                except AttributeError:
                    continue
            return self._names[name]
        raise NvmlError(FUNCTION_NOT_FOUND, f"this driver has no {names[0]}")

    def call(self, name: str, *arguments: object) -> None:
        """Call a function; NvmlError if it does not succeed."""
        self.check(self.function(name)(*arguments))

    def check(self, status: int) -> None:
        """Raise NvmlError for a status that is not success."""
        if status:
            raise NvmlError(status, self.words(status))

    def words(self, status: int) -> str:
        """Return NVML's words for a status."""
        words = self.function("nvmlErrorString")
        words.restype = ctypes.c_char_p  # type: ignore[attr-defined]
        text: Any = words(status)
        return text.decode("utf-8", "replace") if text else f"error {status}"

    def text(self, name: str, *handle: object) -> str:
        """Return the text that a function writes: a name, a UUID, a version."""
        buffer = ctypes.create_string_buffer(_TEXT_BYTES)
        self.call(name, *handle, buffer, c_uint(_TEXT_BYTES))
        return buffer.value.decode("utf-8", "replace")

    def number(self, name: str, *arguments: object) -> int:
        """Return the unsigned integer that a function writes after its arguments."""
        value = c_uint()
        self.call(name, *arguments, byref(value))
        return value.value

    def handle(self, name: str, *arguments: object) -> c_void_p:
        """Return the handle that a function writes after its arguments."""
        value = c_void_p()
        self.call(name, *arguments, byref(value))
        return value
