"""The node's CPU and memory, from /proc: node-wide figures, whoever uses them."""

from __future__ import annotations

import os
from collections.abc import Sequence

from yprov_run.agent.sensors.base import SensorUnavailableError
from yprov_run.measures import QUANTITIES, Column, Device

_READ_BYTES = 1 << 16
_IDLE, _IOWAIT = 3, 4
_COUNTED = 8  # user to steal; guest time is part of user time already


class HostSensor:
    """CPU time not idle since the last read, and memory in use (total less available)."""

    name = "host"
    columns = (Column(QUANTITIES["cpu_busy"]), Column(QUANTITIES["memory_used"]))
    devices: Sequence[Device] = ()

    def __init__(self, proc: str = "/proc") -> None:
        try:
            self._stat = os.open(f"{proc}/stat", os.O_RDONLY | os.O_CLOEXEC)
            self._meminfo = os.open(f"{proc}/meminfo", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise SensorUnavailableError(f"{error.filename}: {error.strerror}") from error
        self._last = self._cpu_ticks()

    def read(self) -> list[int | None]:
        """Return CPU busy in permille of all CPUs, and memory used in MiB."""
        return [self._busy_permille(), self._memory_used_mib()]

    read_last = read

    def counters(self) -> list[tuple[int, int | None]]:
        """Return nothing: the host's energy is read by sensors of its own."""
        return []

    def problems(self) -> list[str]:
        """Return nothing: reading /proc does not fail in ways worth a word."""
        return []

    def _cpu_ticks(self) -> tuple[int, int]:
        """Return (busy, total) ticks since the node booted."""
        line = os.pread(self._stat, _READ_BYTES, 0).split(b"\n", 1)[0]
        ticks = [int(field) for field in line.split()[1 : 1 + _COUNTED]]
        total = sum(ticks)
        return total - ticks[_IDLE] - ticks[_IOWAIT], total

    def _busy_permille(self) -> int | None:
        busy, total = self._cpu_ticks()
        last_busy, last_total = self._last
        if total <= last_total:
            return None
        self._last = busy, total
        # Idle time may be accounted late, so that the difference overshoots by a tick.
        return max(0, min(1000, round(1000 * (busy - last_busy) / (total - last_total))))

    def _memory_used_mib(self) -> int | None:
        fields: dict[bytes, int] = {}
        for line in os.pread(self._meminfo, _READ_BYTES, 0).split(b"\n", 8)[:8]:
            name, _, value = line.partition(b":")
            if value:
                fields[name] = int(value.split()[0])
        if b"MemTotal" not in fields or b"MemAvailable" not in fields:
            return None
        return (fields[b"MemTotal"] - fields[b"MemAvailable"]) // 1024
