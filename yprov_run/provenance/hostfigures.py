"""What a node execution came to besides its devices: the job's own use, the node's, the agent's."""

from __future__ import annotations

from yprov_run.merge import fields
from yprov_run.model import ColumnStats, NodeExecution
from yprov_run.numerals import of_digits
from yprov_run.provenance.records import Attributes, own

# quantity: term, for what only adds up, for what has a highest value, and for shares
_GROWN = {
    "job_cpu": "jobCpuTime",
    "job_read": "jobRead",
    "job_written": "jobWritten",
    "disk_read": "diskRead",
    "disk_written": "diskWritten",
    "net_received": "networkReceived",
    "net_sent": "networkSent",
    "fabric_received": "fabricReceived",
    "fabric_sent": "fabricSent",
}
_HIGHEST = {
    "job_memory": "jobMaxMemory",
    "job_memory_peak": "jobMemoryPeak",
    "swap_used": "maxSwap",
    "load": "maxLoad",
}
_MEAN = {"cpu_iowait": "meanCpuIoWait"}


def host_figures(node: NodeExecution) -> Attributes:
    """Return the terms of a node's host figures; what was not sampled is left out."""
    found: dict[str, object] = {}
    for column, stats in node.host:
        name = column.quantity.name
        if name in _GROWN:
            found[_GROWN[name]] = _grown(stats)
        elif name in _HIGHEST:
            found[_HIGHEST[name]] = stats.maximum
        elif name in _MEAN:
            found[_MEAN[name]] = stats.mean
    end = fields.mapping(node.facts, "end")
    return own(
        **found,
        jobUseSource=fields.text(node.facts, "job_use"),
        nodeShare=_share(node),
        agentWritten=fields.integer(end, "size_bytes"),
        lateSamples=fields.integer(end, "late_samples"),
        skippedSamples=fields.integer(end, "skipped_samples"),
        lostSamples=fields.integer(end, "lost_lines"),
    )


def _grown(stats: ColumnStats) -> float | None:
    return stats.increase if stats.count > 1 else None


def _share(node: NodeExecution) -> str:
    """Say that the node has others' work on it, where the job was given a part of its CPUs."""
    cpus = fields.integer(node.facts, "cpus") or 0
    given = fields.text(fields.mapping(node.facts, "environment"), "SLURM_CPUS_ON_NODE")
    if not 0 < (of_digits(given) or 0) < cpus:
        return ""
    return f"{given} of {cpus} CPUs: figures of CPU, memory, disk, network and power are node-wide"
