"""Devices and nodes beside each other: how uneven the load was, and who stood out.

What is compared had the same work: the steps that ran on the same nodes, put together, a GPU and a
node each once. A GPU of another step waits for nobody here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from yprov_run.merge.scopes import by_node, device_key, node_key, span_of
from yprov_run.merge.stats import mean, together
from yprov_run.model import DeviceUse, NodeExecution

Group = Sequence[NodeExecution]

_STANDS_OUT = 0.15  # of the highest use
_SLOWER = 0.05  # of the median's clock
_LATER = 0.05  # of the step's time
_LATER_MS = 2000
_SPREAD = 4.0  # times the median deviation: what all the others do is no straggler's
_MAX_NAMED = 50
_BRIEF = 0.1  # of the longest: what was looked at for less of its time tells little beside it


@dataclass(frozen=True)
class Straggler:
    """A device or node that stood out: its name, and in what."""

    name: str
    what: str


def groups(steps: Iterable[Group]) -> list[Group]:
    """Return the steps of the same nodes put together, the most node-time first; no brief ones.

    Each node stands in a group once, and so does each of its devices: with its means over the time
    of all the group's steps.
    """
    given = list(steps)
    if len(given) == 1:
        return given
    by_nodes: dict[frozenset[str], list[Group]] = {}
    for nodes in given:
        by_nodes.setdefault(frozenset(map(node_key, nodes)), []).append(nodes)
    timed = [(sum(map(_node_ms, each)), each) for each in by_nodes.values()]
    timed.sort(key=lambda found: -found[0])
    return [
        each[0] if len(each) == 1 else _pooled([node for nodes in each for node in nodes])
        for lasted_ms, each in timed
        if lasted_ms >= _BRIEF * timed[0][0]
    ]


def _node_ms(nodes: Group) -> int:
    return sum(map(_lasted_ms, nodes))


def _lasted_ms(node: NodeExecution) -> int:
    begin, end = span_of(node)
    return max(0, end - begin)


def _pooled(nodes: Group) -> Group:
    """Return each node once. When it ended is left out: the steps' ends are not to be compared."""
    return [
        replace(
            max(each, key=_lasted_ms),
            devices=_pooled_uses(each),
            cpu=together([node.cpu for node in each if node.cpu]),
            started_ms=None,
            ended_ms=None,
        )
        for each in by_node(nodes)
    ]


def _pooled_uses(nodes: Group) -> tuple[DeviceUse, ...]:
    by_device: dict[str, list[DeviceUse]] = {}
    for node in nodes:
        for use in node.devices:
            by_device.setdefault(device_key(node, use), []).append(use)
    return tuple(
        max(uses, key=_known_ms)._replace(
            utilisation=together([use.utilisation for use in uses if use.utilisation]),
            clock=together([use.clock for use in uses if use.clock]),
        )
        for uses in by_device.values()
    )


def _known_ms(use: DeviceUse) -> int:
    return use.utilisation.covered_ms if use.utilisation else 0


def device_imbalance(compared: Iterable[Group]) -> float | None:
    """Return 1 - mean / highest of the GPUs' mean use: the share that waits for the busiest.

    Of the groups that is the first one with two GPUs.
    """
    found = (_uneven([load for _, _, load in _used(nodes)]) for nodes in compared)
    return next((each for each in found if each is not None), None)


def node_imbalance(compared: Iterable[Group]) -> float | None:
    """Return the same between nodes: of their GPUs' mean use, else of their CPUs'."""
    found = (_uneven(_node_loads(nodes)) for nodes in compared)
    return next((each for each in found if each is not None), None)


def _used(nodes: Group) -> list[tuple[NodeExecution, DeviceUse, float]]:
    """Return the devices with their mean use, but those of which little of the time is known."""
    known = [
        (node, use, column.mean)
        for node in nodes
        for use in node.devices
        if (column := use.utilisation) is not None and column.mean is not None
    ]
    lasted_ms = [use.utilisation.covered_ms for _, use, _ in known if use.utilisation is not None]
    least_ms = _BRIEF * max(lasted_ms, default=0)
    if min(lasted_ms, default=0) >= least_ms:  # as ever but in jobs of many steps
        return known
    return [found for found, ms in zip(known, lasted_ms, strict=True) if ms >= least_ms]


def _uneven(loads: Sequence[float]) -> float | None:
    if len(loads) < 2 or max(loads) <= 0:
        return None
    return max(0.0, 1 - sum(loads) / len(loads) / max(loads))  # equal ones differ in a last digit


def _node_loads(nodes: Group) -> list[float]:
    """Return the nodes' mean use: all by their GPUs, or all by their CPUs."""
    by_gpus = [
        mean([use.utilisation for use in node.devices if use.utilisation is not None])
        for node in nodes
    ]
    if all(load is None for load in by_gpus):
        by_gpus = [node.cpu.mean for node in nodes if node.cpu is not None]
    return [load for load in by_gpus if load is not None]


_Use = tuple[NodeExecution, DeviceUse]


def _name(node: NodeExecution, use: DeviceUse) -> str:
    return f"GPU {use.device.index} on {node.name} ({use.device.uuid})"


def stragglers(compared: Iterable[Group]) -> tuple[Straggler, ...]:
    """Name the devices whose use or clock, and the nodes whose end, stood out from the others'."""
    found = []
    for nodes in compared:
        uses = [(node, use) for node in nodes for use in node.devices]
        found += _by_use(nodes) + _by_clock(uses) + _by_end(nodes)
    return tuple(found[:_MAX_NAMED])


def _by_use(nodes: Group) -> list[Straggler]:
    known = _used(nodes)
    middle, spread = _middle([load for _, _, load in known])
    return [
        Straggler(_name(node, use), f"used {load:.0%} of the time, the median {middle:.0%}")
        for node, use, load in known
        if abs(load - middle) > max(_STANDS_OUT, _SPREAD * spread)
    ]


def _by_clock(uses: Sequence[_Use]) -> list[Straggler]:
    known = [
        (node, clock.mean, use)
        for node, use in uses
        if (clock := use.clock) is not None and clock.mean is not None
    ]
    middle, spread = _middle([clock_hz for _, clock_hz, _ in known])
    found = []
    for node, clock_hz, use in known:
        if middle - clock_hz > max(_SLOWER * middle, _SPREAD * spread):
            why = max(use.throttled_by, key=lambda reason: reason[1], default=("", 0.0))
            because = f", held back by {why[0]} for {why[1]:.0%} of the time" if why[1] else ""
            words = f"clock {clock_hz / 1e6:.0f} MHz, the median {middle / 1e6:.0f} MHz{because}"
            found.append(Straggler(_name(node, use), words))
    return found


def _by_end(nodes: Sequence[NodeExecution]) -> list[Straggler]:
    timed = [(node.name, node.started_ms, node.ended_ms) for node in nodes]
    known = [(name, start, end) for name, start, end in timed if start is not None
             and end is not None]  # fmt: skip
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
