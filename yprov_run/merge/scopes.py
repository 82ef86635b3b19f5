"""Energies added up: each device once, each joule once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from yprov_run.model import DeviceUse, NodeExecution


@dataclass(frozen=True)
class ScopeEnergy:
    """The energy of all devices of one kind, within `bound_j` (None: not known for all of them)."""

    kind: str
    devices: int
    energy_j: float
    bound_j: float | None


class _Window(NamedTuple):
    started_ms: int
    ended_ms: int
    value: float


# Where two sources measure the same, the first of these; a Cray node's own counters are exact.
_SOURCES = ("nvml", "amdgpu", "i915", "xe", "pm_counters", "rapl", "hwmon")


def of_kind(node: NodeExecution, kind: str) -> list[DeviceUse]:
    """Return a node's devices of a kind, as one source shows them: two would count them twice.

    GPUs of two makers are different devices.
    """
    if kind == "gpu":
        return list(node.devices)
    uses = [use for use in node.zones if use.device.kind == kind]
    sources = {use.device.source for use in uses if use.energy_j is not None}
    best = next((source for source in _SOURCES if source in sources), None)
    return [use for use in uses if use.device.source == best]


def summed(
    nodes: Iterable[NodeExecution], get: Callable[[DeviceUse], float | None], kind: str = "gpu"
) -> float | None:
    """Return a figure of all devices of a kind over all executions, steps side by side once.

    None if no device has it.
    """
    windows: dict[str, list[_Window]] = {}
    for node in nodes:
        if node.started_ms is None or node.ended_ms is None:
            continue
        for use in of_kind(node, kind):
            value = get(use)
            if value is not None:
                window = _Window(node.started_ms, node.ended_ms, value)
                windows.setdefault(_key(node, use), []).append(window)
    if not windows:
        return None
    return sum(each[0].value if len(each) == 1 else _union(sorted(each))
               for each in windows.values())  # fmt: skip


def _key(node: NodeExecution, use: DeviceUse) -> str:
    """Return what makes a device one: its UUID; parts of a node have names there only."""
    return use.device.uuid if use.device.kind == "gpu" else f"{node.name} {use.device.uuid}"


def _union(windows: list[_Window]) -> float:
    total = 0.0
    covered_until: int | None = None
    for window in windows:
        length = window.ended_ms - window.started_ms
        fresh = length
        if covered_until is not None:
            fresh = max(0, window.ended_ms - max(covered_until, window.started_ms))
        # Two steps at once on one device: only the time not yet counted adds to the total.
        total += window.value * (fresh / length if length > 0 else 1.0)
        covered_until = max(covered_until or window.ended_ms, window.ended_ms)
    return total


def bound_j(nodes: Sequence[NodeExecution], kind: str = "gpu") -> float | None:
    """Return the bound on the energy of a kind: the sum of all; None if one of them has none."""
    uses = [use for node in nodes for use in of_kind(node, kind) if use.energy_j is not None]
    if not uses or any(use.energy_bound_j is None for use in uses):
        return None
    return sum(use.energy_bound_j or 0.0 for use in uses)


_KINDS = ("node", "platform", "module", "gpu", "cpu", "memory", "core")
_PARTS = ("gpu", "cpu", "memory")


def scopes(nodes: Sequence[NodeExecution]) -> tuple[ScopeEnergy, ...]:
    """Return the energy of every kind that was measured, the widest first; they overlap."""
    found = []
    for kind in _KINDS:
        energy_j = summed(nodes, lambda use: use.energy_j, kind)
        if energy_j is not None:
            devices = {
                _key(node, use)
                for node in nodes
                for use in of_kind(node, kind)
                if use.energy_j is not None
            }
            found.append(ScopeEnergy(kind, len(devices), energy_j, bound_j(nodes, kind)))
    return tuple(found)


def widest(nodes: Sequence[NodeExecution]) -> tuple[ScopeEnergy, ...]:
    """Return the scopes that cover the most of each node without counting anything twice.

    A node holds all else. A module holds its GPUs, CPU and memory. `platform` and `core` hold, or
    are held by, what stands beside them, and are never added.
    """
    by_cover: dict[str, list[NodeExecution]] = {}
    for node in nodes:
        for kind in _cover(node):
            by_cover.setdefault(kind, []).append(node)
    return tuple(
        scope
        for kind, covered in by_cover.items()
        for scope in scopes(covered)
        if scope.kind == kind
    )


def _cover(node: NodeExecution) -> Sequence[str]:
    for kind in ("node", "module"):
        if any(use.energy_j is not None for use in of_kind(node, kind)):
            return (kind,)
    return [kind for kind in _PARTS if any(u.energy_j is not None for u in of_kind(node, kind))]
