"""What stands of each node and GPU where there are many; tables beside the document have all."""

from __future__ import annotations

from collections.abc import Mapping

from yprov_run.merge.brief import brief
from yprov_run.merge.detail import FULL, Detail
from yprov_run.model import DeviceUse, NodeExecution
from yprov_run.provenance.records import Attributes, own, typed

_MAIN = frozenset((
    "clockOffset", "coverage", "energy", "energyBound", "energyEstimated", "maxMemory",
    "maxPower", "meanPower", "meanUtilisation", "note", "zoneKind",
))  # fmt: skip
# No figure is known better than that; the tables have ten.
_DIGITS = 7


def own_at(level: Detail, values: Mapping[str, object]) -> Attributes:
    """Return attributes of our own terms; only the main ones but where the document is full."""
    if level == FULL:
        return own(**values)
    return typed({name: value for name, value in values.items() if name in _MAIN}, _DIGITS)


def brief_use(use: DeviceUse) -> Attributes:
    """Return the main figures of a GPU's use."""
    found = {
        "energy": use.energy_j,
        "energyBound": use.energy_bound_j,
        "energyEstimated": None if use.energy_j is None else use.energy_estimated_j,
        "meanPower": use.power.mean if use.power else None,
        "maxPower": use.peak_power_w,
        "meanUtilisation": use.utilisation.mean if use.utilisation else None,
        "maxMemory": use.memory.maximum if use.memory else None,
        "coverage": use.coverage,
        "note": use.device.note,
    }
    return typed(found, _DIGITS)


def brief_figures(node: NodeExecution) -> Attributes:
    """Return a node execution's main figures."""
    figures = brief(node)
    found = {
        "gpuCount": len(node.devices),
        "taskCount": len(node.own_tasks),
        "energy": figures.energy_j,
        "energyBound": figures.energy_bound_j,
        "energyEstimated": None if figures.energy_j is None else figures.energy_estimated_j,
        "meanPower": figures.mean_power_w,
        "maxPower": figures.max_power_w,
        "meanUtilisation": figures.mean_utilisation,
        "maxMemory": figures.max_gpu_memory_b,
        "maxNodeMemory": node.memory.maximum if node.memory else None,
    }
    return typed(found, _DIGITS)
