"""The main figures of one node execution: all that stands of it in a document of many nodes.

`totals` would say the same and thirty things more; with thousands of nodes that is most of a merge.
"""

from __future__ import annotations

from dataclasses import dataclass

from yprov_run.merge.scopes import bound_j
from yprov_run.merge.stats import highest, mean, peak_power_w
from yprov_run.model import NodeExecution


@dataclass(frozen=True)
class Brief:
    """Figures of a node's own GPUs and memory; None where nothing was sampled."""

    energy_j: float | None
    energy_bound_j: float | None
    energy_estimated_j: float
    mean_power_w: float | None
    max_power_w: float | None
    mean_utilisation: float | None
    max_gpu_memory_b: float | None


def brief(node: NodeExecution) -> Brief:
    """Return the main figures of one node execution, equal to those of `totals([node])`."""
    uses = [use for use in node.devices if use.device.kind == "gpu"]
    energies = [use.energy_j for use in uses if use.energy_j is not None]
    power = [use.power for use in uses if use.power and use.power.count]
    return Brief(
        energy_j=sum(energies) if energies else None,
        energy_bound_j=bound_j([node]),
        energy_estimated_j=sum(use.energy_estimated_j for use in uses),
        mean_power_w=mean(power),
        max_power_w=peak_power_w(uses),
        mean_utilisation=mean([u.utilisation for u in uses if u.utilisation]),
        max_gpu_memory_b=highest([u.memory for u in uses if u.memory]),
    )
