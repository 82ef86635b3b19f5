"""What the agents of a node wrote: the node's own, and those beside it that saw other GPUs."""

from __future__ import annotations

from yprov_run.light import NamedTuple
from yprov_run.merge import fields
from yprov_run.model import Column, NodeExecution, SampleFile


class Written(NamedTuple):
    """One agent's samples, their values in a row, when its clock began (UTC), and its columns.

    Each column stands with its place among a row's values, and its device has the number that it
    has on the node.
    """

    samples: SampleFile
    width: int
    zero_ms: int
    columns: list[tuple[int, Column]]


def written(node: NodeExecution) -> list[Written]:
    """Return what a node's agents wrote of itself and of the job's devices, each device once."""
    known = {use.device.index for use in (*node.devices, *node.zones)}
    zero_ms = fields.integer(node.facts, "utc_ms_at_zero")
    found = []
    if node.samples is not None and zero_ms is not None:
        columns = [
            (place, column)
            for place, column in enumerate(node.columns)
            if column.device is None or column.device in known
        ]
        found.append(Written(node.samples, len(node.columns), zero_ms, columns))
    for other in node.others:
        numbers = {theirs: number for theirs, number in other.devices if number in known}
        columns = [
            (place, Column(column.quantity, numbers[column.device]))
            for place, column in enumerate(other.columns)
            if column.device in numbers
        ]
        if other.zero_ms is not None:
            found.append(Written(other.samples, len(other.columns), other.zero_ms, columns))
    return found


def spans(node: NodeExecution) -> list[tuple[int, int]]:
    """Return when each of a node's agents took its first and its last sample (UTC ms)."""
    found = []
    if node.first_sample_ms is not None and node.last_sample_ms is not None:
        found.append((node.first_sample_ms, node.last_sample_ms))
    for other in node.others:
        if other.zero_ms is not None and other.span_ms is not None:
            first_ms, last_ms = other.span_ms
            found.append((other.zero_ms + first_ms, other.zero_ms + last_ms))
    return found
