"""What a set of node executions came to together: for a step, and for the whole job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from yprov_run.merge import fields
from yprov_run.merge.ending import signal_name
from yprov_run.merge.energy import total_energy_j
from yprov_run.model import ColumnStats, DeviceUse, NodeExecution


@dataclass(frozen=True)
class Totals:
    """Figures over nodes and devices; None where nothing was sampled. Means are over time."""

    nodes: int
    gpus: int
    tasks: int
    workers: int
    task_endings: dict[str, int]
    energy_j: float | None
    energy_estimated_j: float
    energy_sources: tuple[str, ...]
    mean_power_w: float | None
    max_power_w: float | None
    mean_utilisation: float | None
    max_utilisation: float | None
    max_gpu_memory_b: float | None
    mean_cpu: float | None
    max_node_memory_b: float | None


def totals(nodes: Sequence[NodeExecution]) -> Totals:
    """Add up node executions; a device used by several steps counts once."""
    uses = [use for node in nodes for use in node.devices]
    power = _column(uses, lambda use: use.power)
    utilisation = _column(uses, lambda use: use.utilisation)
    return Totals(
        nodes=len({(node.name, fields.text(node.facts, "boot_id")) for node in nodes}),
        gpus=len({use.device.uuid for use in uses}),
        tasks=sum(len(node.own_tasks) for node in nodes),
        workers=sum(len(node.tasks) - len(node.own_tasks) for node in nodes),
        task_endings=task_endings(nodes),
        energy_j=total_energy_j(nodes),
        energy_estimated_j=sum(use.energy_estimated_j for use in uses),
        energy_sources=tuple(sorted({use.energy_source for use in uses if use.energy_source})),
        mean_power_w=_mean(power),
        max_power_w=_maximum(power),
        mean_utilisation=_mean(utilisation),
        max_utilisation=_maximum(utilisation),
        max_gpu_memory_b=_maximum(_column(uses, lambda use: use.memory)),
        mean_cpu=_mean([node.cpu for node in nodes if node.cpu]),
        max_node_memory_b=_maximum([node.memory for node in nodes if node.memory]),
    )


def task_endings(nodes: Iterable[NodeExecution]) -> dict[str, int]:
    """Count tasks by how they ended: exit status, signal name, `unknown`, or `not seen to end`."""
    counts: Counter[str] = Counter()
    for node in nodes:
        for task in node.own_tasks:
            if task.signal is not None:
                counts[signal_name(task.signal)] += 1
            elif task.exit_status is not None:
                counts[str(task.exit_status)] += 1
            else:
                counts["unknown" if task.ended else "not seen to end"] += 1
    return dict(sorted(counts.items()))


def _column(
    uses: Iterable[DeviceUse], get: Callable[[DeviceUse], ColumnStats | None]
) -> list[ColumnStats]:
    return [stats for stats in map(get, uses) if stats is not None and stats.count]


def _mean(columns: Sequence[ColumnStats]) -> float | None:
    """Return the mean weighted by covered time; the plain one where none covers any."""
    known = [(stats.mean, stats.covered_ms) for stats in columns if stats.mean is not None]
    if not known:
        return None
    weight = sum(covered_ms for _, covered_ms in known)
    if not weight:
        return sum(mean for mean, _ in known) / len(known)
    return sum(mean * covered_ms for mean, covered_ms in known) / weight


def _maximum(columns: Sequence[ColumnStats]) -> float | None:
    return max((stats.maximum for stats in columns if stats.maximum is not None), default=None)
