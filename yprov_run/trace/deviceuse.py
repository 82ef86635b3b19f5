"""A running reduction of one device: its energy two ways, and what it did with it.

The energy counter is read in stretches. A stretch ends where the counter goes back (the driver was
loaded anew, or nobody knows how often it went round) or stands still while power is drawn; what is
between two stretches, or after the last, is taken from the power samples, or else from the
counter's own mean. All in stored integers: 0.1 J, 0.1 W, ms; a trapezoid is kept doubled, in
0.1 mJ.
"""

from __future__ import annotations

from collections.abc import Sequence

from yprov_run.measures import QUANTITIES, Column, Json

FROZEN_MS = 2000  # a counter that stood for longer has failed, whatever it shows then
_SLOWEST_MS = 200  # no sensor we know takes longer to update its counter
_PEAK_MS = 500  # a mean over less may be that of a single update
_DJ_X2 = 2000  # 0.1 J as a doubled trapezoid

# What holds a GPU back, by NVML's bits; being idle and clocks set by the user are no throttling.
THROTTLE_BITS = {
    "power": 0x04 | 0x80,  # the software's cap, the hardware's brake
    "heat": 0x20 | 0x40,
    "hardware": 0x08,
}
_ANY_THROTTLE = 0x04 | 0x08 | 0x20 | 0x40 | 0x80


class DeviceReducer:
    """The figures of one device over the rows of a node."""

    def __init__(self, columns: Sequence[Column], device: int, longest_gap_ms: int) -> None:
        position = {
            column.quantity.name.partition("_")[2]: index
            for index, column in enumerate(columns)
            if column.device == device
        }
        self._energy_at = position.get("energy")
        self._power_at = position.get("power")
        self._utilisation_at = position.get("utilisation")
        self._throttle_at = position.get("throttle")
        self._longest_gap_ms = longest_gap_ms
        self._frozen_ms = max(FROZEN_MS, 2 * longest_gap_ms)
        self._row: tuple[int, int | None, int | None] | None = None  # ms, power, utilisation
        self._reasons_ms: int | None = None
        self._counter: tuple[int, int] | None = None  # ms, 0.1 J of the last valid sample
        self._changed_ms = 0
        self._moved_ms = 0  # the interval in which it last changed: where it stopped, if it did
        self._pending_x2 = self._pending_ms = 0  # trapezoid since the counter last changed
        self._stood = 0, 0  # the same up to its last reading
        self._still_drawing = False
        self._peak_dj = self._peak_ms = 0
        self.segments = 0
        self.counter_dj = 0
        self.paired_x2 = 0  # trapezoid over what the counter covers
        self.paired_ms = self.paired_dj = 0
        self.bridged_x2 = 0  # trapezoid between stretches of the counter
        self.bridged_ms = 0  # the time in which it may have lost anything
        self.unread_ms = 0  # of the time between stretches, without power
        self.counter_ms = 0
        self.still_ms = 0  # the longest stand of a counter that lost nothing
        self.peak_mw = 0
        self.covered_ms = 0
        self.idle_ms = self.idle_x2 = self.use_ms = 0
        self.throttled_ms = dict.fromkeys(("any", *THROTTLE_BITS), 0)
        self.throttle_known_ms = 0

    def add(self, time_ms: int, values: Sequence[int | None]) -> None:
        """Take one row; a late row of other sensors has nothing for this device."""
        power = None if self._power_at is None else values[self._power_at]
        use = None if self._utilisation_at is None else values[self._utilisation_at]
        energy = None if self._energy_at is None else values[self._energy_at]
        if power is None and use is None and energy is None:
            return
        if self._row is not None:
            elapsed_ms = time_ms - self._row[0]
            if 0 < elapsed_ms <= self._longest_gap_ms:
                self._take_power(elapsed_ms, power, use)
                if self._power_at is None and not self._goes_back(energy):
                    self.covered_ms += elapsed_ms
        self._take_reasons(time_ms, values)
        self._row = (time_ms, power, use)
        if energy is not None:
            self._take_counter(time_ms, energy, power)

    def _take_power(self, elapsed_ms: int, power: int | None, use: int | None) -> None:
        assert self._row is not None  # noqa: S101 - for the type checker
        _, last_power, last_use = self._row
        area_x2 = 0
        if power is not None and last_power is not None:
            area_x2 = (power + last_power) * elapsed_ms
            self._pending_x2 += area_x2
            self._pending_ms += elapsed_ms
            self.covered_ms += elapsed_ms
        if use is not None and last_use is not None:
            self.use_ms += elapsed_ms
            if use == 0 and last_use == 0:
                self.idle_ms += elapsed_ms
                self.idle_x2 += area_x2

    def _goes_back(self, energy: int | None) -> bool:
        return energy is not None and self._counter is not None and energy < self._counter[1]

    def _take_reasons(self, time_ms: int, values: Sequence[int | None]) -> None:
        reasons = None if self._throttle_at is None else values[self._throttle_at]
        if reasons is None:
            return
        since_ms = time_ms - self._reasons_ms if self._reasons_ms is not None else 0
        self._reasons_ms = time_ms
        if not 0 < since_ms <= self._longest_gap_ms * QUANTITIES["gpu_throttle"].every:
            return
        self.throttle_known_ms += since_ms
        if reasons & _ANY_THROTTLE:
            self.throttled_ms["any"] += since_ms
            for name, bits in THROTTLE_BITS.items():
                if reasons & bits:
                    self.throttled_ms[name] += since_ms

    def _take_counter(self, time_ms: int, energy: int, power: int | None) -> None:
        if self._counter is None:
            self.segments = 1
            self._begin(time_ms, energy, 0)
            return
        last_ms, last = self._counter
        if energy == last:
            self._still_drawing = bool(power)
            self._stood = self._pending_x2, self._pending_ms
            self._counter = (time_ms, energy)
            return
        standing_ms = last_ms - self._changed_ms
        stood = standing_ms > _SLOWEST_MS
        since_ms = time_ms - self._changed_ms
        moved_ms = time_ms - last_ms
        if energy < last or (stood and self._has_lost(standing_ms, energy - last)):
            self.segments += 1
            self.bridged_x2 += self._pending_x2
            self.unread_ms += since_ms - self._pending_ms
            self.bridged_ms += since_ms + self._moved_ms * stood
            moved_ms = 0  # what it lost in it is counted
            self._peak_dj = self._peak_ms = 0
        else:
            self._count(since_ms, energy - last)
            if stood and self._power_at is None:
                self.bridged_ms += since_ms + self._moved_ms
                moved_ms = 0
            else:
                self.still_ms = max(self.still_ms, standing_ms)
        self._begin(time_ms, energy, moved_ms)

    def _begin(self, time_ms: int, energy: int, moved_ms: int) -> None:
        self._counter = (time_ms, energy)
        self._changed_ms, self._moved_ms = time_ms, moved_ms
        self._pending_x2 = self._pending_ms = 0
        self._still_drawing = False

    def _has_lost(self, standing_ms: int, grown_dj: int) -> bool:
        """Tell whether a counter that stood, and moves on, shows less than what was drawn.

        One that stood from the first may show what was drawn before.
        """
        if not self._still_drawing:
            return False
        if standing_ms > self._frozen_ms or (self.segments == 1 and not self.counter_ms):
            return True
        return 4 * grown_dj * _DJ_X2 < 3 * self._pending_x2

    def _count(self, since_ms: int, grown_dj: int) -> None:
        self.counter_dj += grown_dj
        self.counter_ms += since_ms
        if self._pending_ms == since_ms:
            self.paired_x2 += self._pending_x2
            self.paired_ms += since_ms
            self.paired_dj += grown_dj
        self._peak_dj += grown_dj
        self._peak_ms += since_ms
        if self._peak_ms >= _PEAK_MS:
            self.peak_mw = max(self.peak_mw, self._peak_dj * 100_000 // self._peak_ms)
            self._peak_dj = self._peak_ms = 0

    def as_json(self) -> Json:
        """Return the figures as they stand in a trace."""
        figures: Json = {name: getattr(self, name) for name in FIELDS}
        standing_ms = 0 if self._counter is None else self._counter[0] - self._changed_ms
        # It may have stopped at any time since the reading before it last changed.
        doubt_ms = standing_ms + self._moved_ms
        if standing_ms <= _SLOWEST_MS:
            figures["moved_ms"] = doubt_ms
        else:
            figures["bridged_ms"] = self.bridged_ms + doubt_ms
            if self._still_drawing:
                power_x2, read_ms = self._stood
                figures["bridged_x2"] = self.bridged_x2 + power_x2
                figures["unread_ms"] = self.unread_ms + standing_ms - read_ms
        figures["throttled_ms"] = dict(self.throttled_ms)
        return figures


FIELDS = (
    "segments", "counter_dj", "counter_ms", "paired_x2", "paired_ms", "paired_dj", "bridged_x2",
    "bridged_ms", "unread_ms", "still_ms", "peak_mw", "covered_ms", "idle_ms", "idle_x2", "use_ms",
    "throttle_known_ms",
)  # fmt: skip
