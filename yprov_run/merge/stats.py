"""A column's figures from a trace, in SI units."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import cast

from yprov_run.merge import fields
from yprov_run.model import QUANTITIES, Column, ColumnStats, Json
from yprov_run.trace.reduction import FIELDS

ColumnKey = tuple[str, int | None]
_ALL_INTEGERS = {int}


@lru_cache(maxsize=256)
def columns_of(keys: tuple[ColumnKey, ...]) -> tuple[Column, ...]:
    """Return columns by their quantities' names and devices; equal nodes share them."""
    return tuple(Column(QUANTITIES[quantity], device) for quantity, device in keys)


@lru_cache(maxsize=256)
def _by_device(columns: tuple[Column, ...]) -> dict[int | None, dict[str, Column]]:
    """Return a node's columns by device and by what they measure: `energy`, `power`."""
    found: dict[int | None, dict[str, Column]] = {}
    for column in columns:
        what = column.quantity.name
        if column.device is not None:
            what = what.partition("_")[2]
        found.setdefault(column.device, {})[what] = column
    return found


class Figures:
    """The figures of a node's columns, worked out when they are asked for: most never are."""

    def __init__(self, written: Json, columns: tuple[Column, ...]) -> None:
        self._written = written
        self._by_device = _by_device(columns)

    def get(self, what: str, device: int | None = None) -> ColumnStats | None:
        """Return what a device's `energy` or `power`, or the node's `cpu_busy`, came to."""
        column = self._by_device.get(device, {}).get(what)
        return (
            None if column is None else stats(column, fields.sequence(self._written, column.name))
        )

    def of_node(self) -> tuple[tuple[Column, ColumnStats], ...]:
        """Return all columns of the node itself with their figures."""
        found = []
        for what, column in self._by_device.get(None, {}).items():
            figures = self.get(what)
            if figures is not None:
                found.append((column, figures))
        return tuple(found)


def stats(column: Column, figures: Sequence[object]) -> ColumnStats | None:
    """Turn a column's figures into SI units, or None where they are not figures of ours."""
    if len(figures) != len(FIELDS) or set(map(type, figures)) != _ALL_INTEGERS:
        return None
    # As `FIELDS` has them.
    (count, minimum, maximum, first, first_ms, last, last_ms, covered_ms, integral, increase,
     resets) = cast("Sequence[int]", figures)  # fmt: skip
    if count <= 0:
        return ColumnStats(count=0)
    factor = column.quantity.factor
    mean = integral / 2 / covered_ms if covered_ms > 0 else float(last)
    return ColumnStats(
        count=count,
        minimum=minimum * factor,
        mean=mean * factor,
        maximum=maximum * factor,
        integral_s=integral / 2000 * factor,
        covered_ms=covered_ms,
        first=first * factor,
        first_ms=first_ms,
        last=last * factor,
        last_ms=last_ms,
        increase=increase * factor,
        resets=resets,
    )


def mean(columns: Sequence[ColumnStats]) -> float | None:
    """Return the mean weighted by covered time; the plain one where none covers any."""
    known = [(each.mean, each.covered_ms) for each in columns if each.mean is not None]
    if not known:
        return None
    weight = sum(covered_ms for _, covered_ms in known)
    if not weight:
        return sum(value for value, _ in known) / len(known)
    return sum(value * covered_ms for value, covered_ms in known) / weight


def highest(columns: Sequence[ColumnStats]) -> float | None:
    """Return the highest value of any column; None where none has one."""
    return max((each.maximum for each in columns if each.maximum is not None), default=None)
