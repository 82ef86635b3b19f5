"""What a set of node executions came to together: for a step, and for the whole job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from yprov_run.merge import comparison, scopes
from yprov_run.merge.comparison import Straggler
from yprov_run.merge.ending import signal_name
from yprov_run.merge.scopes import ScopeEnergy
from yprov_run.merge.stats import highest, mean, peak_power_w
from yprov_run.model import ColumnStats, DeviceUse, Job, NodeExecution

NOT_SEEN = "not seen to end"


@dataclass(frozen=True)
class Totals:
    """Figures over nodes and devices; None where nothing was sampled. Means are over time.

    `energy_j` is the GPUs', and the true one within `energy_bound_j` of it; `energy_second_j` is
    the same with the trapezoid in the counters' place, where there are both. `energy_scopes`
    overlap; `measured_*` is of the widest of them that do not. `coverage` is that of the devices,
    each as it lasted. Imbalance is 1 - mean / highest of the mean use.
    """

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
    energy_bound_j: float | None = None
    energy_second_j: float | None = None
    energy_scopes: tuple[ScopeEnergy, ...] = ()
    measured_energy_j: float | None = None
    measured_bound_j: float | None = None
    measured_scopes: tuple[str, ...] = ()
    idle_share: float | None = None
    idle_energy_j: float | None = None
    throttled_share: float | None = None
    coverage: float | None = None
    device_imbalance: float | None = None
    node_imbalance: float | None = None
    stragglers: tuple[Straggler, ...] = ()


def job_totals(job: Job) -> Totals:
    """Add up what all steps of a job did."""
    return totals(job.nodes, [step.nodes for step in job.steps])


def totals(
    nodes: Sequence[NodeExecution], steps: Sequence[Sequence[NodeExecution]] | None = None
) -> Totals:
    """Add up node executions, of one step or of `steps`; a device used by several counts once."""
    compared = comparison.groups([nodes] if steps is None else steps)
    power = _column(nodes, lambda use: use.power)
    utilisation = _column(nodes, lambda use: use.utilisation)
    uses = scopes.shares(nodes, lambda use: use)
    sources = {use.energy_source for _, use, _ in uses if use.energy_source}
    by_scope = scopes.scopes(nodes)
    widest = scopes.widest(nodes, by_scope)
    return Totals(
        # By the names of their files: a step that an agent did not see has no facts of the node.
        nodes=len({scopes.node_key(node) for node in nodes}),
        gpus=len({scopes.device_key(node, use) for node in nodes for use in node.devices}),
        tasks=sum(len(node.own_tasks) for node in nodes),
        workers=sum(len(node.tasks) - len(node.own_tasks) for node in nodes),
        task_endings=task_endings(nodes),
        energy_j=scopes.summed(nodes, lambda use: use.energy_j),
        energy_estimated_j=scopes.summed(nodes, lambda use: use.energy_estimated_j) or 0.0,
        energy_sources=tuple(sorted(sources)),
        mean_power_w=mean(power),
        max_power_w=peak_power_w(use for _, use, _ in uses),
        mean_utilisation=mean(utilisation),
        max_utilisation=highest(utilisation),
        max_gpu_memory_b=highest(_column(nodes, lambda use: use.memory)),
        mean_cpu=mean(_cpu(nodes)),
        max_node_memory_b=highest([node.memory for node in nodes if node.memory]),
        energy_bound_j=scopes.bound_j(nodes),
        energy_second_j=_second_j(nodes),
        energy_scopes=by_scope,
        measured_energy_j=sum(s.energy_j for s in widest) if widest else None,
        measured_bound_j=_sum_if_all([s.bound_j for s in widest]),
        measured_scopes=tuple(s.kind for s in widest),
        idle_share=_share([(share * u.idle_s, share * u.use_known_s) for _, u, share in uses]),
        idle_energy_j=scopes.summed(nodes, lambda use: use.idle_energy_j),
        throttled_share=_share(
            [(share * u.throttled_s, share * u.throttle_known_s) for _, u, share in uses]
        ),
        coverage=_coverage(nodes),
        device_imbalance=comparison.device_imbalance(compared),
        node_imbalance=comparison.node_imbalance(compared),
        stragglers=comparison.stragglers(compared),
    )


def _second_j(nodes: Sequence[NodeExecution]) -> float | None:
    """Return the energy with each counter's part replaced by the trapezoid over the same time.

    A device without a second estimate counts with its only one; None if all are such.
    """

    def second(use: DeviceUse) -> float | None:
        return None if use.energy_j is None else use.energy_j + (_correction_j(use) or 0.0)

    uses = (use for node in nodes for use in node.devices)
    if all(_correction_j(use) is None for use in uses):
        return None
    return scopes.summed(nodes, second)


def _correction_j(use: DeviceUse) -> float | None:
    """Return how much more the power samples say than the counter, where both measured.

    Not where the power read 0 W all the while: then nothing says how much was counted.
    """
    second_j, disagreement = use.energy_second_j, use.energy_disagreement
    if second_j is None or disagreement is None or disagreement <= -1 or use.energy_j is None:
        return None
    return second_j - second_j / (1 + disagreement)


def _share(parts: Sequence[tuple[float, float]]) -> float | None:
    whole = sum(known for _, known in parts)
    return sum(part for part, _ in parts) / whole if whole > 0 else None


def _sum_if_all(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _coverage(nodes: Sequence[NodeExecution]) -> float | None:
    lasted = []
    for node, use, share in scopes.shares(nodes, lambda use: use.coverage):
        since, to = scopes.span_of(node)
        lasted.append(((use.coverage or 0.0) * share * (to - since), share * (to - since)))
    return _share(lasted)


def task_endings(nodes: Iterable[NodeExecution]) -> dict[str, int]:
    """Count tasks by how they ended: exit status, signal name, `unknown`, or `NOT_SEEN`."""
    counts: Counter[str] = Counter()
    for node in nodes:
        for task in node.own_tasks:
            if task.signal is not None:
                counts[signal_name(task.signal)] += 1
            elif task.exit_status is not None:
                counts[str(task.exit_status)] += 1
            else:
                counts["unknown" if task.ended else NOT_SEEN] += 1
    return dict(sorted(counts.items()))


def _column(
    nodes: Sequence[NodeExecution], get: Callable[[DeviceUse], ColumnStats | None]
) -> list[ColumnStats]:
    """Return a figure of all devices; what several steps saw at once has no weight in the later."""

    def known(use: DeviceUse) -> ColumnStats | None:
        stats = get(use)
        return stats if stats is not None and stats.count else None

    weighted = ((known(use), share) for _, use, share in scopes.shares(nodes, known))
    return [_weighted(stats, share) for stats, share in weighted if stats is not None]


def _cpu(nodes: Sequence[NodeExecution]) -> list[ColumnStats]:
    """Return the nodes' use of their processors, each node's time once."""
    known = [(node, node.cpu) for node in nodes if node.cpu]
    fresh = scopes.fresh((scopes.node_key(node), *scopes.span_of(node)) for node, _ in known)
    return [_weighted(cpu, share) for (_, cpu), share in zip(known, fresh, strict=True)]


def _weighted(stats: ColumnStats, share: float) -> ColumnStats:
    if share == 1:
        return stats
    return stats._replace(covered_ms=round(share * stats.covered_ms))
