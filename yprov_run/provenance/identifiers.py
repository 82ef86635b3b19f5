"""Identifiers in the job's namespace: made from the record alone, the same in every merge."""

from __future__ import annotations

from yprov_run.model import NodeExecution, Step
from yprov_run.provenance.records import local_part

JOB = "job"
COMMAND = "execution_command"  # the family's programs look for this very name


def step_id(step: Step) -> str:
    """Return the identifier of a step's activity."""
    return f"step/{step.number}"


def node_id(step: Step, node: NodeExecution) -> str:
    """Return the identifier of a node execution: by its name, by its key if names collide."""
    name = node.key if node.name in step.repeated_names else node.name
    return f"node/{step.number}/{local_part(name)}"
