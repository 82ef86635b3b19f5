"""How much stands in the document itself; what does not, stands in tables beside it.

full: all that is known of every node and GPU. gpu: the main figures of every node and GPU. node:
the main figures of every node.
"""

from __future__ import annotations

from typing import Literal

from yprov_run.model import Job

Detail = Literal["full", "gpu", "node"]
FULL: Detail = "full"
GPU: Detail = "gpu"
NODE: Detail = "node"

# The most nodes and devices of a level: documents of 1 MB and 5 MB, which can be opened by hand.
_LIMITS: tuple[tuple[Detail, int, int], ...] = ((FULL, 100, 800), (GPU, 1_000, 8_000))


def detail_of(job: Job, asked: Detail | None = None) -> Detail:
    """Return the level that was asked for, else the finest that keeps the document small."""
    if asked is not None:
        return asked
    nodes = sum(len(step.nodes) for step in job.steps)
    devices = sum(len(node.devices) for step in job.steps for node in step.nodes)
    for level, most_nodes, most_devices in _LIMITS:
        if nodes <= most_nodes and devices <= most_devices:
            return level
    return NODE
