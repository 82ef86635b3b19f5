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


_Window = tuple[int, int, float]  # from and to, in ms, and the value


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
    nodes: Sequence[NodeExecution], get: Callable[[DeviceUse], float | None], kind: str = "gpu"
) -> float | None:
    """Return a figure of all devices of a kind over all executions, steps side by side once.

    None if no device has it.
    """
    values: dict[str, float] = {}
    count = 0
    for node in nodes:
        if node.started_ms is None or node.ended_ms is None:
            continue
        for use in of_kind(node, kind):
            value = get(use)
            if value is not None:
                values[device_key(node, use)] = value
                count += 1
    if count > len(values):  # devices that several steps used
        return _summed_once(nodes, get, kind)
    return sum(values.values()) if values else None


def _summed_once(
    nodes: Iterable[NodeExecution], get: Callable[[DeviceUse], float | None], kind: str
) -> float:
    """Add up where executions share devices: what was at the same time counts once."""
    windows: dict[str, list[_Window]] = {}
    for node in nodes:
        if node.started_ms is None or node.ended_ms is None:
            continue
        for use in of_kind(node, kind):
            value = get(use)
            if value is not None:
                window = (node.started_ms, node.ended_ms, value)
                windows.setdefault(device_key(node, use), []).append(window)
    return sum(each[0][2] if len(each) == 1 else _union(sorted(each))
               for each in windows.values())  # fmt: skip


def node_key(node: NodeExecution) -> str:
    """Return what makes a node one, in all steps and by whichever agent: two may have one name."""
    return node.key.partition("+")[0]


def device_key(node: NodeExecution, use: DeviceUse) -> str:
    """Return what makes a device one: its UUID.

    Parts of a node, and GPUs that tell nothing but their place in it, have names there only.
    """
    device = use.device
    if device.kind == "gpu" and not device.uuid.startswith("PCI-"):
        return device.uuid
    return f"{node_key(node)} {device.uuid}"


def _union(windows: list[_Window]) -> float:
    total = 0.0
    covered_until: int | None = None
    for started_ms, ended_ms, value in windows:
        length = ended_ms - started_ms
        fresh = length
        if covered_until is not None:
            fresh = max(0, ended_ms - max(covered_until, started_ms))
        # Two steps at once on one device: only the time not yet counted adds to the total.
        total += value * (fresh / length if length > 0 else 1.0)
        covered_until = max(covered_until or ended_ms, ended_ms)
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
    present = {"gpu", *(use.device.kind for node in nodes for use in node.zones)}
    found = [_scope(nodes, kind) for kind in _KINDS if kind in present]
    return tuple(scope for scope in found if scope is not None)


def _scope(nodes: Sequence[NodeExecution], kind: str) -> ScopeEnergy | None:
    """Return the energy of one kind; None where it was not measured."""
    energy_j = summed(nodes, lambda use: use.energy_j, kind)
    if energy_j is None:
        return None
    devices = {
        device_key(node, use)
        for node in nodes
        for use in of_kind(node, kind)
        if use.energy_j is not None
    }  # fmt: skip
    return ScopeEnergy(kind, len(devices), energy_j, bound_j(nodes, kind))


def widest(nodes: Sequence[NodeExecution]) -> tuple[ScopeEnergy, ...]:
    """Return the scopes that cover the most of each node without counting anything twice.

    A node holds all else. A module holds its GPUs, CPU and memory. `platform` and `core` hold, or
    are held by, what stands beside them, and are never added.
    """
    by_cover: dict[str, list[NodeExecution]] = {}
    for node in nodes:
        for kind in _cover(node):
            by_cover.setdefault(kind, []).append(node)
    found = [_scope(covered, kind) for kind, covered in by_cover.items()]
    return tuple(scope for scope in found if scope is not None)


def _cover(node: NodeExecution) -> Sequence[str]:
    for kind in ("node", "module"):
        if any(use.energy_j is not None for use in of_kind(node, kind)):
            return (kind,)
    return [kind for kind in _PARTS if any(u.energy_j is not None for u in of_kind(node, kind))]
