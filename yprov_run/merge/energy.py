"""Energy of a device: from its counter where it has one, else from its power; each time once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from yprov_run.model import ColumnStats, NodeExecution

COUNTER = "energy counter"
TRAPEZOID = "trapezoid of power samples"


@dataclass(frozen=True)
class Energy:
    """Joules over an execution; `estimated_j` is the part before the first and after the last
    sample, taken from the power nearest to it."""

    total_j: float
    estimated_j: float
    source: str


def device_energy(
    counter: ColumnStats | None,
    power: ColumnStats | None,
    started_ms: int,
    ended_ms: int,
) -> Energy | None:
    """Return the energy between two trace times; None without any valid sample."""
    if counter is not None and counter.count > 1 and counter.increase is not None:
        return _with_edges(counter.increase, counter, power, started_ms, ended_ms, COUNTER)
    if power is not None and power.count and power.integral_s is not None:
        return _with_edges(power.integral_s, power, power, started_ms, ended_ms, TRAPEZOID)
    return None


def _with_edges(
    measured_j: float,
    measured: ColumnStats,
    power: ColumnStats | None,
    started_ms: int,
    ended_ms: int,
    source: str,
) -> Energy:
    first_ms, last_ms = measured.first_ms or 0, measured.last_ms or 0
    head_s = max(0, first_ms - started_ms) / 1000
    tail_s = max(0, ended_ms - last_ms) / 1000
    if power is not None and power.count:
        estimated = head_s * (power.first or 0.0) + tail_s * (power.last or 0.0)
    else:
        span_s = (last_ms - first_ms) / 1000
        estimated = (head_s + tail_s) * (measured_j / span_s if span_s > 0 else 0.0)
    return Energy(measured_j + estimated, estimated, source)


@dataclass(frozen=True)
class _Window:
    started_ms: int
    ended_ms: int
    energy_j: float


def total_energy_j(nodes: Iterable[NodeExecution]) -> float | None:
    """Return the energy of all devices over all executions, steps side by side counted once.

    None if no device has any.
    """
    windows: dict[str, list[_Window]] = {}
    for node in nodes:
        for use in node.devices:
            if use.energy_j is None or node.started_ms is None or node.ended_ms is None:
                continue
            windows.setdefault(use.device.uuid, []).append(
                _Window(node.started_ms, node.ended_ms, use.energy_j)
            )
    if not windows:
        return None
    return sum(_union_j(sorted(each, key=lambda w: w.started_ms)) for each in windows.values())


def _union_j(windows: list[_Window]) -> float:
    total = 0.0
    covered_until: int | None = None
    for window in windows:
        length = window.ended_ms - window.started_ms
        fresh = length
        if covered_until is not None:
            fresh = max(0, window.ended_ms - max(covered_until, window.started_ms))
        # Two steps at once on one device: only the time not yet counted adds to the total.
        total += window.energy_j * (fresh / length if length > 0 else 1.0)
        covered_until = max(covered_until or window.ended_ms, window.ended_ms)
    return total
