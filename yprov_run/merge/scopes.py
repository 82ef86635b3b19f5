"""Energies added up: each device once, each joule once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from yprov_run.model import DeviceUse, NodeExecution


@dataclass(frozen=True)
class ScopeEnergy:
    """The energy of all devices of one kind, within `bound_j` (None: not known for all of them)."""

    kind: str
    devices: int
    energy_j: float
    bound_j: float | None


@dataclass(frozen=True)
class _Window:
    started_ms: int
    ended_ms: int
    value: float


def summed(nodes: Iterable[NodeExecution], get: Callable[[DeviceUse], float | None],
           kind: str = "gpu") -> float | None:  # fmt: skip
    """Return a figure of all devices of a kind over all executions, steps side by side once.

    None if no device has it.
    """
    windows: dict[str, list[_Window]] = {}
    for node in nodes:
        for use in (*node.devices, *node.zones):
            value = get(use) if use.device.kind == kind else None
            if value is None or node.started_ms is None or node.ended_ms is None:
                continue
            windows.setdefault(_key(node, use), []).append(
                _Window(node.started_ms, node.ended_ms, value)
            )
    if not windows:
        return None
    return sum(_union(sorted(each, key=lambda w: w.started_ms)) for each in windows.values())


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
    uses = [use for node in nodes for use in (*node.devices, *node.zones)
            if use.device.kind == kind and use.energy_j is not None]  # fmt: skip
    if not uses or any(use.energy_bound_j is None for use in uses):
        return None
    return sum(use.energy_bound_j or 0.0 for use in uses)


_KINDS = ("node", "platform", "module", "gpu", "cpu", "memory", "core")


def scopes(nodes: Sequence[NodeExecution]) -> tuple[ScopeEnergy, ...]:
    """Return the energy of every kind that was measured, the widest first; they overlap."""
    found = []
    for kind in _KINDS:
        energy_j = summed(nodes, lambda use: use.energy_j, kind)
        if energy_j is not None:
            devices = {_key(node, use) for node in nodes for use in (*node.devices, *node.zones)
                       if use.device.kind == kind and use.energy_j is not None}  # fmt: skip
            found.append(ScopeEnergy(kind, len(devices), energy_j, bound_j(nodes, kind)))
    return tuple(found)


def widest(found: Sequence[ScopeEnergy]) -> tuple[ScopeEnergy, ...]:
    """Return the scopes that cover the most without counting anything twice.

    A node holds all else. A module holds its GPUs, CPU and memory. `platform` and `core` hold, or
    are held by, what stands beside them, and are never added.
    """
    by_kind = {scope.kind: scope for scope in found}
    if "node" in by_kind:
        return (by_kind["node"],)
    if "module" in by_kind:
        return (by_kind["module"],)
    return tuple(by_kind[kind] for kind in ("gpu", "cpu", "memory") if kind in by_kind)
