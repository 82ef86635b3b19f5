"""The node's CPU, memory, load, disks and networks: node-wide figures, whoever uses them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from yprov_run.agent.sensors.base import SensorUnavailableError
from yprov_run.agent.sensors.files import KernelFile, names, open_if_there
from yprov_run.measures import QUANTITIES, SLOW, Column, Device

_IDLE, _IOWAIT = 3, 4
_ALWAYS = 4  # columns that are read each time
_COUNTED = 8  # user to steal; guest time is part of user time already
_SECTOR = 512
_MIB = 1 << 20
_NOT_DISKS = ("loop", "ram", "zram", "dm-", "md", "sr", "fd")
_FABRIC_WORD = 4  # InfiniBand counts its data in words of four bytes
_SLINGSHOT_BIN = re.compile(r"hni_(rx|tx)_ok_(\d+)(?:_to_\w+)?")

Pair = tuple["int | None", "int | None"]


class HostSensor:
    """Figures of the whole node; what changes slowly, or only adds up, is read in turn."""

    name = "host"
    devices: Sequence[Device] = ()

    def __init__(self, proc: str = "/proc", sys: str = "/sys") -> None:
        try:
            self._stat = KernelFile(f"{proc}/stat")
            self._meminfo = KernelFile(f"{proc}/meminfo")
        except OSError as error:
            raise SensorUnavailableError(f"{error.filename}: {error.strerror}") from error
        self._last = self._cpu_ticks()
        self._in_turn: list[tuple[int, Callable[[], Sequence[int | None]]]] = []
        self._turn = -1
        quantities = ["cpu_busy", "cpu_iowait", "memory_used", "swap_used"]
        for found, reader in (
            (("load",), _load_reader(proc)),
            (("disk_read", "disk_written"), _disk_reader(proc, sys)),
            (("net_received", "net_sent"), _net_reader(proc, sys)),
            (("fabric_received", "fabric_sent"), _fabric_reader(sys)),
        ):
            if reader is not None:
                self._in_turn.append((len(quantities), reader))
                quantities += found
        self.columns = [Column(QUANTITIES[name]) for name in quantities]

    def read(self) -> list[int | None]:
        """Return CPU busy and waiting, memory and swap each time; of the rest one thing."""
        values: list[int | None] = [None] * len(self.columns)
        values[:_ALWAYS] = self._always()
        for number, (position, reader) in enumerate(self._in_turn):
            if self._turn in (-1, number):
                found = reader()
                values[position : position + len(found)] = found
        self._turn = (self._turn + 1) % SLOW
        return values

    def read_last(self) -> list[int | None]:
        """Return CPU and memory only."""
        return [*self._always(), *[None] * (len(self.columns) - _ALWAYS)]

    def read_rest(self) -> list[int | None]:
        """Return what adds up: disks, networks, fabrics."""
        values: list[int | None] = [None] * len(self.columns)
        for position, reader in self._in_turn:
            if self.columns[position].quantity.kind == "counter":
                found = reader()
                values[position : position + len(found)] = found
        return values

    def counters(self) -> list[tuple[int, int | None]]:
        """Return nothing: the host's energy is read by sensors of its own."""
        return []

    def problems(self) -> list[str]:
        """Return nothing: reading /proc does not fail in ways worth a word."""
        return []

    def _always(self) -> list[int | None]:
        return [*self._cpu_permille(), *self._memory_mib()]

    def _cpu_ticks(self) -> tuple[int, int, int]:
        """Return (busy, waiting for I/O, total) ticks since the node booted."""
        line = self._stat.read().split(b"\n", 1)[0]
        ticks = [int(field) for field in line.split()[1 : 1 + _COUNTED]]
        total = sum(ticks)
        return total - ticks[_IDLE] - ticks[_IOWAIT], ticks[_IOWAIT], total

    def _cpu_permille(self) -> Pair:
        """Return the shares of the CPUs' time, since the last look, busy and waiting for I/O."""
        now, last = self._cpu_ticks(), self._last
        total = now[2] - last[2]
        if total <= 0:
            return None, None
        self._last = now
        # Idle time may be accounted late, so that the difference overshoots by a tick.
        busy, waiting = (
            max(0, min(1000, round(1000 * (now[part] - last[part]) / total))) for part in (0, 1)
        )
        return busy, waiting

    def _memory_mib(self) -> Pair:
        """Return memory not available, and swap in use."""
        text = self._meminfo.read()
        total, available = _kib(text, b"MemTotal:"), _kib(text, b"MemAvailable:")
        swap, free = _kib(text, b"SwapTotal:"), _kib(text, b"SwapFree:")
        return (
            None if total is None or available is None else (total - available) >> 10,
            None if swap is None or free is None else (swap - free) >> 10,
        )


def _kib(text: bytes, name: bytes) -> int | None:
    at = text.find(name)
    return None if at < 0 else int(text[at + len(name) : at + len(name) + 24].split(None, 1)[0])


def _load_reader(proc: str) -> Callable[[], Sequence[int | None]] | None:
    """Return what reads the load of the last minute, in hundredths."""
    try:
        file = KernelFile(f"{proc}/loadavg")
    except OSError:
        return None
    return lambda: [round(100 * float(file.read().split(None, 1)[0]))]


def _disk_reader(proc: str, sys: str) -> Callable[[], Sequence[int | None]] | None:
    """Return what sums over whole disks; parts of them, and what lies on them, count once."""
    disks = {name.encode() for name in names(f"{sys}/block") if not name.startswith(_NOT_DISKS)}
    try:
        file = KernelFile(f"{proc}/diskstats")
    except OSError:
        return None

    def read() -> Sequence[int | None]:
        rows = [line.split() for line in file.read().splitlines()]
        rows = [row for row in rows if len(row) > 9 and row[2] in disks]
        return [sum(int(row[at]) for row in rows) * _SECTOR // _MIB for at in (5, 9)]

    return read if disks else None


def _net_reader(proc: str, sys: str) -> Callable[[], Sequence[int | None]] | None:
    """Return what sums over network cards; bridges and tunnels over them would count twice."""
    cards = {
        name.encode()
        for name in names(f"{sys}/class/net")
        if Path(f"{sys}/class/net/{name}/device").exists()
    }
    try:
        # A process has its own view of the network: not that of the reader's thread.
        file = KernelFile(f"{proc}/net/dev")
    except OSError:
        return None

    def read() -> Sequence[int | None]:
        rows = [line.partition(b":") for line in file.read().splitlines()]
        counts = [row[2].split() for row in rows if row[0].strip() in cards]
        return [sum(int(count[at]) for count in counts) // _MIB for at in (0, 8)]

    return read if cards else None


def _fabric_reader(sys: str) -> Callable[[], Sequence[int | None]] | None:
    """Return what sums over InfiniBand ports and Slingshot cards, past the operating system.

    Slingshot tells packets by bins of size: each at the least size, so that it is a lower bound.
    """
    received: list[tuple[KernelFile, int]] = []
    sent: list[tuple[KernelFile, int]] = []
    for card in names(f"{sys}/class/infiniband"):
        ports = f"{sys}/class/infiniband/{card}/ports"
        for port in names(ports):
            for name, files in (("port_rcv_data", received), ("port_xmit_data", sent)):
                file = open_if_there(f"{ports}/{port}/counters/{name}")
                if file is not None:
                    files.append((file, _FABRIC_WORD))
    for card in names(f"{sys}/class/cxi"):
        folder = f"{sys}/class/cxi/{card}/device/telemetry"
        for name in names(folder):
            match = _SLINGSHOT_BIN.fullmatch(name)
            file = _telemetry(f"{folder}/{name}") if match else None
            if match and file:
                (received if match[1] == "rx" else sent).append((file, int(match[2])))
    if not received and not sent:
        return None
    return lambda: [_weighed(received), _weighed(sent)]


def _telemetry(path: str) -> KernelFile | None:
    try:
        return KernelFile(path)
    except OSError:
        return None


def _weighed(files: Sequence[tuple[KernelFile, int]]) -> int | None:
    total = 0
    for file, weight in files:
        try:
            # Slingshot writes `count@time`.
            total += weight * int(file.read().split(b"@", 1)[0])
        except (OSError, ValueError):
            return None
    return total // _MIB
