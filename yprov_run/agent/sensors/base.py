"""What every sensor offers to the sampling loop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from yprov_run.light import Protocol
from yprov_run.measures import Column, Device


class SensorUnavailableError(Exception):
    """This machine does not have the source, or does not let us read it; the text says which."""


class SensorAbsentError(SensorUnavailableError):
    """This machine does not have the source: nothing is missing."""


class Sensor(Protocol):
    """One source of samples, open and ready to read.

    Its devices are numbered from 0, and so are they in its columns.
    """

    @property
    def name(self) -> str:
        """The source's name in the trace."""
        ...

    @property
    def columns(self) -> Sequence[Column]:
        """What each value of a reading is."""
        ...

    @property
    def devices(self) -> Sequence[Device]:
        """The devices that the columns belong to."""
        ...

    def read(self) -> list[int | None]:
        """Return one value per column, as stored integers; None where there is no valid value."""
        ...

    def read_last(self) -> list[int | None]:
        """Return a reading as `read` does, but only of what is worth the last millisecond."""
        ...

    def counters(self) -> list[tuple[int, int | None]]:
        """Return (device, energy counter as it stands) now; may be called beside `read`."""
        ...

    def problems(self) -> list[str]:
        """Return what went wrong since the last call, each problem once."""
        ...


class Hasty(Protocol):
    """A source that has to be looked at every so often, however seldom samples are taken."""

    def catch_up(self, now_s: float) -> float:
        """Look at it if that is due; return when it is due again, in monotonic seconds."""
        ...


class Lasting(Sensor, Protocol):
    """A sensor with values that are worth a look after the end, but not before the last row."""

    def read_rest(self) -> list[int | None]:
        """Return one value per column, as `read` does, of what `read_last` left out."""
        ...


class Joined:
    """Several sensors that never block, as one: columns and devices in their order."""

    name = "host"

    def __init__(
        self,
        sensors: Sequence[Sensor],
        hasty: Sequence[Hasty] = (),
        lasting: Sequence[Lasting] = (),
    ) -> None:
        """Join `sensors`; `hasty` and `lasting` are those of them that have more to be asked."""
        self._sensors = sensors
        self._lasting = {id(sensor): sensor for sensor in lasting}
        self._hasty = hasty
        self.columns: list[Column] = []
        self.devices: list[Device] = []
        self._offsets = []
        for sensor in sensors:
            offset = len(self.devices)
            self._offsets.append(offset)
            columns, devices = renumbered(sensor, offset)
            self.columns += columns
            self.devices += devices

    def read(self) -> list[int | None]:
        """Return the readings of all, one after the other."""
        return [value for sensor in self._sensors for value in sensor.read()]

    def read_last(self) -> list[int | None]:
        """Return what is worth the last millisecond of all."""
        return [value for sensor in self._sensors for value in sensor.read_last()]

    def read_rest(self) -> list[int | None]:
        """Return what `read_last` left out, of those that have more to tell."""
        values: list[int | None] = []
        for sensor in self._sensors:
            lasting = self._lasting.get(id(sensor))
            values += [None] * len(sensor.columns) if lasting is None else lasting.read_rest()
        return values

    def catch_up(self, now_s: float) -> float:
        """Look at what is due now; return when something is due again, in monotonic seconds."""
        return min((sensor.catch_up(now_s) for sensor in self._hasty), default=math.inf)

    def counters(self) -> list[tuple[int, int | None]]:
        """Return the energy counters of all."""
        return [
            (offset + device, value)
            for sensor, offset in zip(self._sensors, self._offsets, strict=True)
            for device, value in sensor.counters()
        ]

    def problems(self) -> list[str]:
        """Return the problems of all."""
        return [f"{each.name}: {words}" for each in self._sensors for words in each.problems()]


class HasDevices(Protocol):
    """Columns, and the devices that they number."""

    @property
    def columns(self) -> Sequence[Column]:
        """What each value of a reading is."""
        ...

    @property
    def devices(self) -> Sequence[Device]:
        """The devices that the columns belong to."""
        ...


def renumbered(sensor: HasDevices, offset: int) -> tuple[list[Column], list[Device]]:
    """Return a sensor's columns and devices with numbers that begin at `offset`."""
    columns = [
        column if column.device is None else Column(column.quantity, column.device + offset)
        for column in sensor.columns
    ]
    devices = [replace(device, index=device.index + offset) for device in sensor.devices]
    return columns, devices
