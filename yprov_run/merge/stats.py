"""A column's figures from a trace, in SI units."""

from __future__ import annotations

from collections.abc import Sequence

from yprov_run.model import Column, ColumnStats
from yprov_run.trace.reduction import FIELDS


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
