"""From readings to rows: which columns there are, and what was read before that was known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from yprov_run.agent.isolate import IsolatedSensor
from yprov_run.agent.sensors.base import Sensor, renumbered
from yprov_run.agent.written import NodeTrace
from yprov_run.measures import Column, Device
from yprov_run.trace import events

Values = list["int | None"]
Readings = Sequence[tuple[IsolatedSensor, Values]]

# Ten a second for the 5 s within which a driver has to open, and as many that came late; a driver's
# first reading is among them, from which its energy counts.
_MOST_EARLY = 200


class Rows:
    """Puts readings into the rows of a trace, once every sensor is open or lost.

    What is read before that waits in memory; at a short interval, and a driver that takes long to
    open, readings beyond some hundred are left out.
    """

    def __init__(
        self, trace: NodeTrace, host: Sensor, isolated: Sequence[IsolatedSensor], interval_s: float
    ) -> None:
        self._trace = trace
        self._host = host
        self._isolated = isolated
        self._interval_s = interval_s
        self._early: list[tuple[int, Values | None, Readings]] = []
        self._offsets: dict[str, int] = {}
        self._width = 0
        self._has_begun = False
        self.device_offsets: dict[str, int] = {}

    def store(self, time_s: float, host: Values | None, readings: Readings) -> None:
        """Write one row, or keep what will be in it."""
        time_ms = self._trace.ms(time_s)
        if self.begin_if_settled():
            self._write(time_ms, host, readings)
        elif len(self._early) < _MOST_EARLY:
            self._early.append((time_ms, host, readings))

    def _write(self, time_ms: int, host: Values | None, readings: Readings) -> None:
        values: Values = [None] * self._width
        if host is not None:
            values[: len(host)] = host
        for sensor, reading in readings:
            offset = self._offsets.get(sensor.name)
            if offset is not None:  # it was not open yet when the columns had to be fixed
                values[offset : offset + len(reading)] = reading
        self._trace.add((time_ms, values))

    def begin_if_settled(self, force: bool = False) -> bool:
        """Fix the columns once every sensor is open or lost; early rows follow at once."""
        if self._has_begun:
            return True
        if not force and not all(sensor.settled for sensor in self._isolated):
            return False
        columns, devices = self._columns_and_devices()
        self._has_begun = True
        self._width = len(columns)
        self._trace.event(
            events.COLUMNS,
            columns=[[column.name, column.quantity.name, column.device] for column in columns],
            devices=[asdict(device) for device in devices],
        )
        self._trace.begin(columns, self._interval_s)
        early, self._early = self._early, []
        for row in early:
            self._write(*row)
        return True

    def _columns_and_devices(self) -> tuple[list[Column], list[Device]]:
        """Number all devices, accelerators first; the host's columns come first."""
        columns: list[Column] = []
        devices: list[Device] = []
        width = len(self._host.columns)
        for sensor in self._isolated:
            if sensor.is_open:
                self._offsets[sensor.name] = width + len(columns)
                self.device_offsets[sensor.name] = len(devices)
                more, found = renumbered(sensor, len(devices))
                columns += more
                devices += found
        of_host, found = renumbered(self._host, len(devices))
        return of_host + columns, devices + found
