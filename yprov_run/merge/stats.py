"""A column's figures from a trace, in SI units."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from yprov_run.model import QUANTITIES, Column, ColumnStats, DeviceUse, Json
from yprov_run.trace.reduction import FIELDS

# Figures as `FIELDS` has them fit 64 bits each, but for the integral: a counter's may be longer.
_pack = struct.Struct("<8qd2q").pack
_INTEGRAL = FIELDS.index("integral")
_MAX_INTEGRAL = 1 << 100
_MAX_COLUMNS = 4096


class Layout:
    """A node's columns, also by device and by what they measure: `energy`, `power`."""

    def __init__(self, columns: tuple[Column, ...] = ()) -> None:
        self.columns = columns
        self.by_device: dict[int | None, dict[str, Column]] = {}
        for column in columns:
            what = column.quantity.name
            if column.device is not None:
                what = what.partition("_")[2]
            self.by_device.setdefault(column.device, {})[what] = column


def layout_of(items: Sequence[object]) -> Layout:
    """Return the columns that a trace lists; none where they are not all ours.

    Equal nodes share them: of thousands of nodes, a hundred columns each, all but one are known.
    """
    try:
        return _layout(tuple([(what, device) for _, what, device in items[:_MAX_COLUMNS]]))  # type: ignore[misc, has-type]
    except (TypeError, ValueError, OverflowError):
        return Layout()


@lru_cache(maxsize=256)
def _layout(keys: tuple[tuple[str, Any], ...]) -> Layout:
    columns = []
    for quantity, device in keys:
        # By value and not by type, as a key that was met before is known by its value.
        if quantity not in QUANTITIES or (device is not None and device != int(device)):
            return Layout()
        if device is not None and not 0 <= device < _MAX_COLUMNS:
            return Layout()  # it would stand in the names of files
        columns.append(Column(QUANTITIES[quantity], None if device is None else int(device)))
    return Layout(tuple(columns))


_NO_COLUMNS: dict[str, Column] = {}


class Figures:
    """The figures of a node's columns, worked out when they are asked for: most never are."""

    def __init__(self, written: Json, layout: Layout) -> None:
        self._written = written
        self._by_device = layout.by_device

    def get(self, what: str, device: int | None = None) -> ColumnStats | None:
        """Return what a device's `energy` or `power`, or the node's `cpu_busy`, came to."""
        column = self._by_device.get(device, _NO_COLUMNS).get(what)
        if column is None:
            return None
        return stats(column, self._written.get(column.name))

    def readings(self, what: str, device: int) -> Readings | None:
        """Return the same with more of it, as energy needs it."""
        column = self._by_device.get(device, _NO_COLUMNS).get(what)
        return None if column is None else readings(column, self._written.get(column.name))

    def of_node(self) -> tuple[tuple[Column, ColumnStats], ...]:
        """Return all columns of the node itself with their figures."""
        found = []
        for what, column in self._by_device.get(None, {}).items():
            figures = self.get(what)
            if figures is not None:
                found.append((column, figures))
        return tuple(found)


def stats(column: Column, figures: object) -> ColumnStats | None:
    """Turn a column's figures into SI units, or None where they are not figures of ours."""
    found = _integers(figures)
    if found is None:
        return None
    # As `FIELDS` has them.
    count, _, maximum, _, _, last, _, covered_ms, integral, increase, _ = found
    if count <= 0:
        return ColumnStats(0)
    factor = column.quantity.factor
    mean = integral / 2 / covered_ms if covered_ms > 0 else float(last)
    return ColumnStats(count, mean * factor, maximum * factor, covered_ms, increase * factor)


class Readings(NamedTuple):
    """What a device's energy is worked out from; times in ms since the trace began, else SI."""

    count: int  # type: ignore[assignment]  # a tuple has a method of this name
    mean: float
    maximum: float
    integral_s: float
    covered_ms: int
    first: float
    first_ms: int
    last: float
    last_ms: int

    @property
    def stats(self) -> ColumnStats:
        """The figures that stay when the energy is known."""
        return ColumnStats(self.count, self.mean, self.maximum, self.covered_ms)


def readings(column: Column, figures: object) -> Readings | None:
    """Return the same with when and what the first and the last sample were; None without any."""
    found = _integers(figures)
    if found is None or found[0] <= 0:
        return None
    count, _, maximum, first, first_ms, last, last_ms, covered_ms, integral, _, _ = found
    factor = column.quantity.factor
    mean = integral / 2 / covered_ms if covered_ms > 0 else float(last)
    return Readings(
        count, mean * factor, maximum * factor, integral / 2000 * factor, covered_ms,
        first * factor, first_ms, last * factor, last_ms,
    )  # fmt: skip


def _integers(figures: object) -> Sequence[int] | None:
    if not isinstance(figures, list) or len(figures) != len(FIELDS):
        return None
    try:
        # Types and bounds at once: it runs for every column of every device of every node.
        _pack(*figures)
    except (struct.error, OverflowError):
        return None
    integral = figures[_INTEGRAL]
    fits = type(integral) is int and -_MAX_INTEGRAL < integral < _MAX_INTEGRAL
    return figures if fits else None


def mean(columns: Sequence[ColumnStats]) -> float | None:
    """Return the mean weighted by covered time; the plain one where none covers any."""
    known = [(each.mean, each.covered_ms) for each in columns if each.mean is not None]
    if not known:
        return None
    weight = sum(covered_ms for _, covered_ms in known)
    if not weight:
        return sum(value for value, _ in known) / len(known)
    return sum(value * covered_ms for value, covered_ms in known) / weight


def together(columns: Sequence[ColumnStats]) -> ColumnStats | None:
    """Return columns of one thing at different times as one: its mean over all of them."""
    if not columns:
        return None
    count, covered_ms = sum(c.count for c in columns), sum(c.covered_ms for c in columns)
    return ColumnStats(count, mean(columns), highest(columns), covered_ms)


def highest(columns: Sequence[ColumnStats]) -> float | None:
    """Return the highest value of any column; None where none has one."""
    return max((each.maximum for each in columns if each.maximum is not None), default=None)


def peak_power_w(uses: Iterable[DeviceUse]) -> float | None:
    """Return the highest power of any device; None where none was sampled."""
    return max((use.peak_power_w for use in uses if use.peak_power_w is not None), default=None)
