"""A sensor in a thread of its own, so that a driver call that blocks costs that sensor only."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Callable, Sequence

from yprov_run.agent.sensors.base import Sensor, SensorUnavailableError
from yprov_run.agent.updates import LOOK_S, POLL_S, UpdateWatch, energies
from yprov_run.light import TYPE_CHECKING
from yprov_run.measures import Column, Device
from yprov_run.trace.events import LAST_LOOK_S

Monotonic = Callable[[], float]
if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")

_LARGEST_SHARE = 0.1  # of the time may be spent in a driver
_READINGS = 3
_MOST_FAILURES = 5  # readings in a row that raise, until a sensor is given up


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
        self._took_s: list[float] = []
        self._not_before_s = 0.0
        self._failures = 0  # in a row
        self._failure_named = False
        self.throttled = 0
        self.updates: UpdateWatch | None = None
        self._go = threading.Semaphore(0)
        self.wakeup_fd, self._wakeup = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    @property
    def settled(self) -> bool:
        """Tell whether it is known which columns this sensor has."""
        return self.is_open or bool(self.lost)

    @property
    def is_reading(self) -> bool:
        """Tell whether a reading is under way."""
        return self._busy_since is not None

    def request(self) -> bool:
        """Ask for one reading, unless the last call is still under way; return whether it was.

        A driver whose calls take long is asked less often, so that it costs a tenth of the time.
        """
        if not self.is_open or self.lost or self._busy_since is not None:
            return False
        now = self._monotonic()
        if now < self._not_before_s:
            if not self.throttled:
                self._problems.append(
                    f"a reading takes {1000 * min(self._took_s):.0f} ms: it is read less often"
                )
            self.throttled += 1
            return False
        self._busy_since = now
        self._go.release()
        return True

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
        """Read the last words in the caller's thread, who sees to it that it may block.

        Handing over to the other thread and back costs a millisecond on a busy node. None if the
        sensor is not open, or at work.
        """
        if self._sensor is None or self.lost or self._busy_since is not None:
            return None
        return self._tried(self._sensor.read_last)

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
        try:
            self._answer(sensor)
        except Exception as error:  # noqa: BLE001 - fails open: named as a gap
            self._lose(f"{type(error).__name__}: {error}")

    def _answer(self, sensor: Sensor) -> None:
        """Take the readings that are asked for, until the sensor is lost."""
        self._go.acquire()
        while (first := self._read(sensor)) is None and not self.lost:
            self._go.acquire()
        if first is not None:
            self._observe(sensor, *first)
        while not self.lost:
            self._go.acquire()
            self._read(sensor)

    def _read(self, sensor: Sensor) -> tuple[float, list[int | None]] | None:
        """Take one reading; one that raises costs itself only, as the next may be well."""
        time_s = self._monotonic()
        values = self._tried(sensor.read)
        self._took_s = [*self._took_s[1 - _READINGS :], self._monotonic() - time_s]
        if len(self._took_s) == _READINGS:
            self._not_before_s = time_s + min(self._took_s) / _LARGEST_SHARE
        self._problems += sensor.problems()
        reading = None if values is None else (time_s, values)
        self._done(reading)
        return reading

    def _tried(self, read: Callable[[], T]) -> T | None:
        """Return what a sensor answers; None where it raises, which again and again loses it."""
        try:
            answer = read()
        except Exception as error:  # noqa: BLE001 - fails open: named as a gap
            words = f"{type(error).__name__}: {error}"
            self._failures += 1
            if not self._failure_named:
                self._failure_named = True
                self._problems.append(f"a reading failed: {words}")
            if self._failures == _MOST_FAILURES:
                self._lose(f"{_MOST_FAILURES} readings in a row failed: {words}")
            return None
        self._failures = 0
        return answer

    def _observe(self, sensor: Sensor, time_s: float, values: list[int | None]) -> None:
        """Learn how often the energy counters update, between the readings that are asked for."""
        watch = UpdateWatch()
        watch.see(time_s, energies(sensor.columns, values))
        until = self._monotonic() + LOOK_S
        while not self.lost and self._monotonic() < until and not watch.is_certain:
            counters = self._tried(sensor.counters)
            if not counters:
                break
            watch.see(self._monotonic(), counters)
            if self._go.acquire(timeout=POLL_S):
                self._read(sensor)
        self.updates = watch

    def look_on(self, values: list[int | None]) -> dict[int, int]:
        """Return by how much each counter's next update went beyond a last reading, in 0.1 J.

        In the caller's thread, as `read_here`.
        """
        watch = UpdateWatch()
        if self._sensor is None or self.lost or self._busy_since is not None:
            return {}
        watch.see(self._monotonic(), energies(self.columns, values))
        until = self._monotonic() + LAST_LOOK_S
        while not watch.all_grown and self._monotonic() < until:
            time.sleep(POLL_S)
            counters = self._tried(self._sensor.counters)
            if counters is None:
                break
            watch.see(self._monotonic(), counters)
        return watch.grown

    def _lose(self, reason: str) -> None:
        if not self.lost:
            self.lost = reason
            self._problems.append(reason)
        self._done(None)

    def _done(self, result: tuple[float, list[int | None]] | None) -> None:
        self._result = result
        self._busy_since = None
        os.write(self._wakeup, b".")
