"""A running reduction of samples: what a column came to, in memory that does not grow.

The agent keeps one while it samples; the merge rebuilds the same from the samples when an agent
died before it could write its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from yprov_run.model import Column, ColumnStats, Json


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
            self._advance(time_ms - self.last_ms, value, longest_gap_ms)
            self.minimum = min(self.minimum, value)
            self.maximum = max(self.maximum, value)
        self.count += 1
        self.last, self.last_ms = value, time_ms

    def _advance(self, elapsed_ms: int, value: int, longest_gap_ms: int) -> None:
        if 0 < elapsed_ms <= longest_gap_ms:
            self.integral += (self.last + value) * elapsed_ms
            self.covered_ms += elapsed_ms
        if value >= self.last:
            self.increase += value - self.last
        else:
            self.resets += 1

    def as_list(self) -> list[int]:
        """Return the figures in the order of `FIELDS`, as they stand in a trace."""
        return [getattr(self, name) for name in FIELDS]


FIELDS = (
    "count", "minimum", "maximum", "first", "first_ms", "last", "last_ms",
    "covered_ms", "integral", "increase", "resets",
)  # fmt: skip


class Reduction:
    """The running figures of all columns of a node."""

    def __init__(self, columns: Sequence[Column], interval_s: float) -> None:
        self.columns = tuple(columns)
        self._reducers = [ColumnReducer() for _ in columns]
        # Three intervals without a sample is a hole, not a slow sample.
        self._longest_gap_ms = max(1000, int(3000 * interval_s))
        self.first_ms: int | None = None
        self.last_ms: int | None = None

    def add(self, time_ms: int, values: Sequence[int | None]) -> None:
        """Take one row of samples."""
        if self.first_ms is None:
            self.first_ms = time_ms
        self.last_ms = time_ms
        for reducer, value in zip(self._reducers, values, strict=True):
            if value is not None:
                reducer.add(time_ms, value, self._longest_gap_ms)

    def as_json(self) -> Json:
        """Return the figures as they stand in a trace's last event."""
        return {
            "fields": list(FIELDS),
            "columns": {
                column.name: reducer.as_list()
                for column, reducer in zip(self.columns, self._reducers, strict=True)
            },
            "first_ms": self.first_ms,
            "last_ms": self.last_ms,
        }


def stats(column: Column, figures: Sequence[object]) -> ColumnStats | None:
    """Turn a column's figures into SI units, or None where they are not figures of ours."""
    if len(figures) != len(FIELDS) or not all(type(figure) is int for figure in figures):
        return None
    raw = dict(zip(FIELDS, (figure for figure in figures if isinstance(figure, int)), strict=True))
    if raw["count"] <= 0:
        return ColumnStats(count=0)
    factor = column.quantity.factor
    covered_ms = raw["covered_ms"]
    mean = raw["integral"] / 2 / covered_ms if covered_ms > 0 else float(raw["last"])
    return ColumnStats(
        count=raw["count"],
        minimum=raw["minimum"] * factor,
        mean=mean * factor,
        maximum=raw["maximum"] * factor,
        integral_s=raw["integral"] / 2000 * factor,
        covered_ms=covered_ms,
        first=raw["first"] * factor,
        first_ms=raw["first_ms"],
        last=raw["last"] * factor,
        last_ms=raw["last_ms"],
        increase=raw["increase"] * factor,
        resets=raw["resets"],
    )
