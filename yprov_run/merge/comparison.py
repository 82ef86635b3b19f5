"""Devices and nodes beside each other: how uneven the load was, and who stood out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from yprov_run.model import DeviceUse, NodeExecution

_STANDS_OUT = 0.15  # of the highest use
_SLOWER = 0.05  # of the median's clock
_LATER = 0.05  # of the step's time
_LATER_MS = 2000
_SPREAD = 4.0  # times the median deviation: what all the others do is no straggler's
_MAX_NAMED = 50


@dataclass(frozen=True)
class Straggler:
    """A device or node that stood out: its name, and in what."""

    name: str
    what: str


def device_imbalance(nodes: Sequence[NodeExecution]) -> float | None:
    """Return 1 - mean / highest of the GPUs' mean use: the share that waits for the busiest."""
    return _imbalance([use for node in nodes for use in node.devices])


def node_imbalance(nodes: Sequence[NodeExecution]) -> float | None:
    """Return the same between nodes: of their GPUs' mean use, else of their CPUs'."""
    loads = [load for node in nodes if (load := _node_load(node)) is not None]
    return _uneven(loads)


def _imbalance(uses: Sequence[DeviceUse]) -> float | None:
    return _uneven([u.utilisation.mean for u in uses if u.utilisation and u.utilisation.mean
                    is not None])  # fmt: skip


def _uneven(loads: Sequence[float]) -> float | None:
    if len(loads) < 2 or max(loads) <= 0:
        return None
    return 1 - sum(loads) / len(loads) / max(loads)


def _node_load(node: NodeExecution) -> float | None:
    loads = [u.utilisation.mean for u in node.devices if u.utilisation and u.utilisation.mean
             is not None]  # fmt: skip
    if loads:
        return sum(loads) / len(loads)
    return node.cpu.mean if node.cpu else None


_Use = tuple[NodeExecution, DeviceUse]


def _name(node: NodeExecution, use: DeviceUse) -> str:
    return f"GPU {use.device.index} on {node.name} ({use.device.uuid})"


def stragglers(nodes: Sequence[NodeExecution]) -> tuple[Straggler, ...]:
    """Name the devices whose use or clock, and the nodes whose end, stood out from the others'."""
    uses = [(node, use) for node in nodes for use in node.devices]
    found = _by_use(uses) + _by_clock(uses) + _by_end(nodes)
    return tuple(found[:_MAX_NAMED])


def _by_use(uses: Sequence[_Use]) -> list[Straggler]:
    known = [(node, u, u.utilisation.mean) for node, u in uses if u.utilisation
             and u.utilisation.mean is not None]  # fmt: skip
    middle, spread = _middle([mean for _, _, mean in known])
    return [
        Straggler(_name(node, use), f"used {mean:.0%} of the time, the median {middle:.0%}")
        for node, use, mean in known
        if abs(mean - middle) > max(_STANDS_OUT, _SPREAD * spread)
    ]


def _by_clock(uses: Sequence[_Use]) -> list[Straggler]:
    known = [
        (node, clock.mean, use)
        for node, use in uses
        if (clock := use.clock) is not None and clock.mean is not None
    ]
    middle, spread = _middle([mean for _, mean, _ in known])
    found = []
    for node, mean, use in known:
        if middle - mean > max(_SLOWER * middle, _SPREAD * spread):
            why = max(use.throttled_by, key=lambda reason: reason[1], default=("", 0.0))
            because = f", held back by {why[0]} for {why[1]:.0%} of the time" if why[1] else ""
            words = f"clock {mean / 1e6:.0f} MHz, the median {middle / 1e6:.0f} MHz{because}"
            found.append(Straggler(_name(node, use), words))
    return found


def _by_end(nodes: Sequence[NodeExecution]) -> list[Straggler]:
    timed = [(node.name, node.started_ms, node.ended_ms) for node in nodes]
    known = [(name, start, end) for name, start, end in timed if start is not None
             and end is not None]  # fmt: skip
    if len({name for name, _, _ in known}) < len(known):
        return []  # several steps: their ends are not to be compared
    middle, spread = _middle([float(end) for _, _, end in known])
    return [
        Straggler(f"node {name}", f"ended {(end - middle) / 1000:.1f} s after the median")
        for name, start, end in known
        if end - middle > max(_LATER_MS, _LATER * (end - start), _SPREAD * spread)
    ]


def _middle(values: Sequence[float]) -> tuple[float, float]:
    """Return the median, and the median distance from it; below three, nobody stands out."""
    if len(values) < 3:
        return 0.0, float("inf")
    middle = median(values)
    return middle, median(abs(value - middle) for value in values)
