"""Energies added up: each device once, each joule once."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from yprov_run.jobdir import node_of
from yprov_run.model import DeviceUse, NodeExecution


@dataclass(frozen=True)
class ScopeEnergy:
    """The energy of all devices of one kind, within `bound_j` (None: not known for all of them).

    `silent` more have none that anybody knows.
    """

    kind: str
    devices: int
    energy_j: float
    bound_j: float | None
    silent: int = 0


_Span = tuple[int, int]  # from and to, in ms


# Where two sources measure the same, the first of these; a Cray node's own counters are exact.
_SOURCES = ("nvml", "amdgpu", "i915", "xe", "pm_counters", "rapl", "hwmon")


def of_kind(node: NodeExecution, kind: str) -> list[DeviceUse]:
    """Return a node's devices of a kind, as one source shows them: two would count them twice.

    GPUs of two makers are different devices.
    """
    if kind == "gpu":
        return list(node.devices)
    best = _best_source(node, kind)
    return [use for use in node.zones if use.device.kind == kind and use.device.source == best]


def _best_source(node: NodeExecution, kind: str) -> str | None:
    sources = {u.device.source for u in node.zones if u.device.kind == kind
               and u.energy_j is not None}  # fmt: skip
    return next((source for source in _SOURCES if source in sources), None)


def summed(
    nodes: Sequence[NodeExecution], get: Callable[[DeviceUse], float | None], kind: str = "gpu"
) -> float | None:
    """Return a figure of all devices of a kind over all executions, steps side by side once.

    None if no device has it.
    """
    shared = shares(nodes, get, kind)
    return sum((get(use) or 0.0) * share for _, use, share in shared) if shared else None


def shares(
    nodes: Iterable[NodeExecution], get: Callable[[DeviceUse], object], kind: str = "gpu"
) -> list[tuple[NodeExecution, DeviceUse, float]]:
    """Return each use of a device that has a figure, and what part of its time counts.

    That in which no earlier execution had the device: what two steps saw at once counts once.
    """
    uses = [(node, use) for node in nodes for use in of_kind(node, kind) if get(use) is not None]
    counted = fresh((device_key(node, use), *span_of(node)) for node, use in uses)
    return [(node, use, share) for (node, use), share in zip(uses, counted, strict=True)]


def fresh(windows: Iterable[tuple[str, int, int]]) -> list[float]:
    """Return what share of each window, of a thing from and to a time, is in none before it."""
    by_thing: dict[str, list[tuple[int, int, int]]] = {}
    count = 0
    for thing, since, to in windows:
        by_thing.setdefault(thing, []).append((since, to, count))
        count += 1
    found = [1.0] * count
    for each in by_thing.values():
        covered_until: int | None = None
        for since, to, place in sorted(each) if len(each) > 1 else ():
            if covered_until is not None and to > since:
                found[place] = max(0, to - max(covered_until, since)) / (to - since)
            covered_until = max(covered_until or to, to)
    return found


def node_key(node: NodeExecution) -> str:
    """Return what makes a node one, in all steps and by whichever agent: two may have one name."""
    return node_of(node.key)


def by_node(nodes: Iterable[NodeExecution]) -> list[list[NodeExecution]]:
    """Return the executions of each node together."""
    found: dict[str, list[NodeExecution]] = {}
    for node in nodes:
        found.setdefault(node_key(node), []).append(node)
    return list(found.values())


def device_key(node: NodeExecution, use: DeviceUse) -> str:
    """Return what makes a device one: its UUID.

    Parts of a node, and GPUs that tell nothing but their place in it, have names there only.
    """
    device = use.device
    if device.kind == "gpu" and device.uuid[:4] != "PCI-":
        return device.uuid
    return f"{node_key(node)} {device.uuid}"


def bound_j(nodes: Sequence[NodeExecution], kind: str = "gpu") -> float | None:
    """Return the bound on the energy of a kind: the sum of all; None if one of them has none.

    Of a use that counts in part nobody knows how its energy went over its time.
    """
    uses = shares(nodes, lambda use: use.energy_j, kind)
    bounds = [use.energy_bound_j for _, use, _ in uses]
    is_known = not any(is_silent(use) for node in nodes for use in of_kind(node, kind))
    if not uses or None in bounds or not is_known:
        return None
    total_j = sum(bound for bound in bounds if bound is not None)
    for node, use, share in uses:
        if 0 < share < 1:
            since, to = span_of(node)
            total_j += _astray_j(use, round((1 - share) * (to - since)), 1 - share)
    return total_j


def is_silent(use: DeviceUse) -> bool:
    """Tell whether nobody knows a device's energy; its note says where else it is counted."""
    return use.energy_j is None and not use.device.note


_KINDS = ("node", "platform", "module", "gpu", "cpu", "memory", "core")
_PARTS = ("gpu", "cpu", "memory")


def scopes(nodes: Sequence[NodeExecution]) -> tuple[ScopeEnergy, ...]:
    """Return the energy of every kind that was measured, the widest first; they overlap."""
    present = {"gpu", *(use.device.kind for node in nodes for use in node.zones)}
    found = [_scope(nodes, kind) for kind in _KINDS if kind in present]
    return tuple(scope for scope in found if scope is not None)


def _scope(nodes: Sequence[NodeExecution], kind: str) -> ScopeEnergy | None:
    """Return the energy of one kind; None where it was not measured."""
    if kind != "gpu":
        nodes = _each_time_once(nodes, lambda node: _source_rank(node, kind))
    energy_j = summed(nodes, lambda use: use.energy_j, kind)
    if energy_j is None:
        return None
    uses = [(node, use) for node in nodes for use in of_kind(node, kind)]
    told = {device_key(node, use) for node, use in uses if use.energy_j is not None}
    silent = {device_key(node, use) for node, use in uses if is_silent(use)} - told
    return ScopeEnergy(kind, len(told), energy_j, bound_j(nodes, kind), len(silent))


def widest(
    nodes: Sequence[NodeExecution], measured: Sequence[ScopeEnergy] = ()
) -> tuple[ScopeEnergy, ...]:
    """Return the scopes that cover the most of each node without counting anything twice.

    A node holds all else. A module holds its GPUs, CPU and memory. `platform` and `core` hold, or
    are held by, what stands beside them, and are never added. `measured` is what `scopes` says of
    them, where that is known: thousands of nodes are not added up twice.
    """
    by_cover: dict[str, list[NodeExecution]] = {}
    counted = _each_time_once(nodes, _cover_rank)
    for node in counted:
        for kind in _cover(node):
            by_cover.setdefault(kind, []).append(node)
    known = {scope.kind: scope for scope in measured} if counted is nodes else {}
    found = [
        known[kind] if kind in known and len(covered) == len(nodes) else _scope(covered, kind)
        for kind, covered in by_cover.items()
    ]
    return tuple(scope for scope in found if scope is not None)


def _source_rank(node: NodeExecution, kind: str) -> int:
    source = _best_source(node, kind)
    return len(_SOURCES) if source is None else _SOURCES.index(source)


def _cover_rank(node: NodeExecution) -> int:
    kinds = _cover(node)
    return _KINDS.index(kinds[0]) if kinds in (("node",), ("module",)) else len(_KINDS)


def _cover(node: NodeExecution) -> tuple[str, ...]:
    for kind in ("node", "module"):
        if any(use.energy_j is not None for use in of_kind(node, kind)):
            return (kind,)
    return tuple(
        kind for kind in _PARTS if any(u.energy_j is not None for u in of_kind(node, kind))
    )


def _each_time_once(
    nodes: Sequence[NodeExecution], rank: Callable[[NodeExecution], int]
) -> Sequence[NodeExecution]:
    """Leave out the time of executions in which another one, of the lowest rank, saw their node.

    Else two steps at once, in one of which a meter failed, would count the node by the meter and
    by what the other step had instead.
    """
    grouped = by_node(nodes)
    if len(grouped) == len(nodes):
        return nodes
    found: list[NodeExecution] = []
    for each in grouped:
        by_rank: dict[int, list[NodeExecution]] = {}
        for node in each:
            by_rank.setdefault(rank(node), []).append(node)
        covered: list[_Span] = []
        for level in sorted(by_rank):
            for node in by_rank[level]:
                found += _outside(node, covered)
            if len(by_rank) > 1:
                covered = _joined([*covered, *map(span_of, by_rank[level])])
    return found


def span_of(node: NodeExecution) -> _Span:
    """Return from when to when an execution was, in ms; an empty time where that is not known."""
    if node.started_ms is None or node.ended_ms is None:
        return 0, 0
    return node.started_ms, node.ended_ms


def _joined(spans: Iterable[_Span]) -> list[_Span]:
    joined: list[_Span] = []
    for since, to in sorted(spans):
        if joined and since <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(to, joined[-1][1])
        elif since < to:
            joined.append((since, to))
    return joined


def _outside(node: NodeExecution, covered: Sequence[_Span]) -> list[NodeExecution]:
    """Return the pieces of an execution that are in none of these times, with their share."""
    begin, end = span_of(node)
    pieces: list[_Span] = []
    at = begin
    for place in range(max(0, bisect(covered, (begin, 0)) - 1), len(covered)):
        since, to = covered[place]
        if since >= end:
            break
        if at < since:
            pieces.append((at, since))
        at = max(at, to)
    if at == begin:
        return [node]
    if at < end:
        pieces.append((at, end))
    lost_ms = end - begin - sum(to - since for since, to in pieces)
    return [
        _piece(node, span, lost_ms if number == 0 else None) for number, span in enumerate(pieces)
    ]


def _piece(node: NodeExecution, span: _Span, lost_ms: int | None) -> NodeExecution:
    """Return a piece of an execution; the first has the bound of all, with what is lost between."""
    begin, end = span_of(node)

    def of(use: DeviceUse) -> DeviceUse:
        if use.energy_j is None:
            return use
        bound_j = use.energy_bound_j
        if bound_j is not None:
            part = 0 if lost_ms is None else lost_ms / (end - begin)
            bound_j = 0.0 if lost_ms is None else bound_j + _astray_j(use, lost_ms, part)
        share = (span[1] - span[0]) / (end - begin)
        return use._replace(energy_j=share * use.energy_j, energy_bound_j=bound_j)

    return replace(
        node, started_ms=span[0], ended_ms=span[1],
        devices=tuple(map(of, node.devices)), zones=tuple(map(of, node.zones)),
    )  # fmt: skip


def _astray_j(use: DeviceUse, lost_ms: int, share: float) -> float:
    """Return how wrong it may be that a share of the energy went in a share of the time."""
    energy_j = use.energy_j or 0.0
    most_j = energy_j
    if use.device.power_limit_w:
        most_w = max(use.device.power_limit_w, use.peak_power_w or 0.0)
        most_j = min(energy_j, most_w * lost_ms / 1000)
    return max(share * energy_j, most_j - share * energy_j)
