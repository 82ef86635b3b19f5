"""A running reduction of samples: what a column came to, in memory that does not grow.

The agent keeps one while it samples; the merge rebuilds the same from the samples when an agent
died before it could write its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from yprov_run.measures import Column, Json
from yprov_run.trace.deviceuse import DeviceReducer


class ColumnReducer:
    """The running figures of one column, in its stored integers and milliseconds."""

    __slots__ = (
        "count", "covered_ms", "first", "first_ms", "increase", "integral",
        "last", "last_ms", "maximum", "minimum", "resets",
    )  # fmt: skip

    def __init__(self) -> None:
        self.count = 0
        self.minimum = self.maximum = self.first = self.last = 0
        self.first_ms = self.last_ms = self.covered_ms = 0
        self.integral = 0  # stored unit times ms, doubled, so that trapezoids stay integers
        self.increase = self.resets = 0

    def add(self, time_ms: int, value: int, longest_gap_ms: int) -> None:
        """Take one valid sample; a gap longer than `longest_gap_ms` is not integrated over."""
        if self.count == 0:
            self.minimum = self.maximum = self.first = value
            self.first_ms = time_ms
        else:
            # In line and without min and max: it runs for every value of every sample.
            elapsed_ms, last = time_ms - self.last_ms, self.last
            if 0 < elapsed_ms <= longest_gap_ms:
                self.integral += (last + value) * elapsed_ms
                self.covered_ms += elapsed_ms
            if value > last:
                self.increase += value - last
                if value > self.maximum:
                    self.maximum = value
            elif value < last:
                self.resets += 1
                if value < self.minimum:
                    self.minimum = value
        self.count += 1
        self.last, self.last_ms = value, time_ms

    def as_list(self) -> list[int]:
        """Return the figures in the order of `FIELDS`, as they stand in a trace."""
        return [getattr(self, name) for name in FIELDS]


class MeanReducer(ColumnReducer):
    """The same of a column whose values are means already, each since the reading before."""

    __slots__ = ()

    def add(self, time_ms: int, value: int, longest_gap_ms: int) -> None:
        """Take one valid sample, which holds for the time since the last; the first for none."""
        elapsed_ms = time_ms - self.last_ms
        if self.count and 0 < elapsed_ms <= longest_gap_ms:
            self.integral += (value - self.last) * elapsed_ms  # beside the trapezoid: the rectangle
        super().add(time_ms, value, longest_gap_ms)


_MEANS = frozenset(("cpu_busy", "cpu_iowait", "gpu_sm_busy", "gpu_tensor_busy", "gpu_dram_busy"))

FIELDS = (
    "count", "minimum", "maximum", "first", "first_ms", "last", "last_ms",
    "covered_ms", "integral", "increase", "resets",
)  # fmt: skip


class Reduction:
    """The running figures of all columns and devices of a node."""

    def __init__(self, columns: Sequence[Column], interval_s: float) -> None:
        self.columns = tuple(columns)
        # Three intervals without a sample is a hole, not a slow sample.
        longest_gap_ms = max(1000, int(3000 * interval_s))
        self._reducers = [
            MeanReducer() if column.quantity.name in _MEANS else ColumnReducer()
            for column in columns
        ]
        self._longest_gaps_ms = [longest_gap_ms * column.quantity.every for column in columns]
        self._devices = {
            device: DeviceReducer(self.columns, device, longest_gap_ms)
            for device in dict.fromkeys(column.device for column in columns)
            if device is not None
        }
        self.first_ms: int | None = None
        self.last_ms: int | None = None

    def add(self, time_ms: int, values: Sequence[int | None]) -> None:
        """Take one row of samples."""
        if self.first_ms is None:
            self.first_ms = time_ms
        self.last_ms = time_ms
        for reducer, value, gap_ms in zip(
            self._reducers, values, self._longest_gaps_ms, strict=True
        ):
            if value is not None:
                reducer.add(time_ms, value, gap_ms)
        for device in self._devices.values():
            device.add(time_ms, values)

    def as_json(self) -> Json:
        """Return the figures as they stand in a trace's last event."""
        return {
            "fields": list(FIELDS),
            "columns": {
                column.name: reducer.as_list()
                for column, reducer in zip(self.columns, self._reducers, strict=True)
            },
            "devices": {str(index): device.as_json() for index, device in self._devices.items()},
            "first_ms": self.first_ms,
            "last_ms": self.last_ms,
        }
