"""A sensor in a thread of its own, so that a driver call that blocks costs that sensor only."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable, Sequence

from yprov_run.agent.sensors.base import Sensor, SensorUnavailableError
from yprov_run.model import Column, Device

Monotonic = Callable[[], float]


class IsolatedSensor:
    """Opens and reads a sensor in its thread; nothing here ever waits for the driver.

    `wakeup_fd` becomes readable when an opening or a reading is done. A call that takes longer
    than `patience_s` makes the sensor `lost` for good.
    """

    def __init__(
        self, name: str, opener: Callable[[], Sensor], monotonic: Monotonic, patience_s: float = 5.0
    ) -> None:
        self.name = name
        self.columns: Sequence[Column] = ()
        self.devices: Sequence[Device] = ()
        self.is_open = False
        self.lost = ""
        self._opener = opener
        self._sensor: Sensor | None = None
        self._monotonic = monotonic
        self._patience_s = patience_s
        self._busy_since: float | None = monotonic()
        self._result: tuple[float, list[int | None]] | None = None
        self._problems: list[str] = []
        self._go = threading.Semaphore(0)
        self.wakeup_fd, self._wakeup = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    @property
    def settled(self) -> bool:
        """Tell whether it is known which columns this sensor has."""
        return self.is_open or bool(self.lost)

    def request(self) -> None:
        """Ask for one reading, unless the last call is still under way."""
        if self.is_open and not self.lost and self._busy_since is None:
            self._busy_since = self._monotonic()
            self._go.release()

    def wait(self, timeout_s: float) -> None:
        """Return when a reading is done, or the time is over."""
        select.select([self.wakeup_fd], [], [], timeout_s)

    def take(self) -> tuple[float, list[int | None]] | None:
        """Return a finished reading as (monotonic s, values), once; None if there is none."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.wakeup_fd, 64)
        result, self._result = self._result, None
        return result

    def read_here(self) -> list[int | None] | None:
        """Read in the caller's thread, who sees to it that a call that blocks does not matter.

        Handing over to the other thread and back costs a millisecond on a busy node. None if the
        sensor is not open, or at work.
        """
        if self._sensor is None or self.lost or self._busy_since is not None:
            return None
        return self._sensor.read()

    def check(self) -> list[str]:
        """Give up on a call that blocks; return what went wrong since the last check."""
        since = self._busy_since
        if not self.lost and since is not None and self._monotonic() - since > self._patience_s:
            what = "reading" if self.is_open else "opening"
            self.lost = f"{what} it blocked for more than {self._patience_s:g} s"
            self._problems.append(self.lost)
        problems, self._problems = self._problems, []
        return [f"{self.name}: {problem}" for problem in problems]

    def _serve(self) -> None:
        try:
            sensor = self._opener()
        except SensorUnavailableError as error:
            self._lose(str(error))
            return
        except Exception as error:  # noqa: BLE001 - fails open: named as a gap
            self._lose(f"{type(error).__name__}: {error}")
            return
        self.columns, self.devices = sensor.columns, sensor.devices
        self._problems += sensor.problems()
        self._sensor = sensor
        self.is_open = True
        self._done(None)
        while True:
            self._go.acquire()
            time_s = self._monotonic()
            try:
                values = sensor.read()
            except Exception as error:  # noqa: BLE001 - fails open: named as a gap
                self._lose(f"{type(error).__name__}: {error}")
                return
            self._problems += sensor.problems()
            self._done((time_s, values))

    def _lose(self, reason: str) -> None:
        if not self.lost:
            self.lost = reason
            self._problems.append(reason)
        self._done(None)

    def _done(self, result: tuple[float, list[int | None]] | None) -> None:
        self._result = result
        self._busy_since = None
        os.write(self._wakeup, b".")
