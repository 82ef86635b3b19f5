"""Clocks that disagree: how far a node's was from the launching host's, told by what must be so.

A node execution lies within its step: between the launch and the end, both by the launching
host's clock. That bounds how far the node's clock was off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from yprov_run.merge import fields
from yprov_run.model import Gap, Json, NodeExecution

# Less than this is not told from the time that launching and ending take.
_CLOCK_MS = 5_000


@dataclass(frozen=True)
class Offset:
    """How much a clock was ahead (negative: behind); None where only one bound is known."""

    ahead_ms: int
    uncertain_ms: int | None


def estimate(
    started_ms: int | None, ended_ms: int | None, execution: NodeExecution
) -> Offset | None:
    """Return a node's clock offset from its step's start and end; None if it is not seen to be off.

    Between both bounds every offset is as likely as another: the middle is returned, half the
    width is its uncertainty. Where the step's end is not known, the launch took no time.
    """
    if started_ms is not None and ended_ms is not None and ended_ms < started_ms:
        return None  # the step's own times are no ground to stand on
    least = most = None  # of what to take off the node's times
    if started_ms is not None and execution.started_ms is not None:
        most = execution.started_ms - started_ms
    if ended_ms is not None and execution.ended_ms is not None:
        least = execution.ended_ms - ended_ms
    if (most is None or most >= -_CLOCK_MS) and (least is None or least <= _CLOCK_MS):
        return None
    if most is None or least is None:
        return Offset(most if most is not None else least or 0, None)
    return Offset((most + least) // 2, abs(most - least) // 2)


def settle(
    where: str, command: Json, end: Json, nodes: Sequence[NodeExecution]
) -> tuple[list[NodeExecution], list[Gap]]:
    """Bring the times of nodes whose clocks were off onto the launching host's, and name them.

    Durations and energies do not hang on these clocks, so nothing else changes.
    """
    started, ended = fields.integer(command, "started_ms"), fields.integer(end, "ended_ms")
    settled, gaps = [], []
    for execution in nodes:
        offset = estimate(started, ended, execution)
        if offset is not None:
            gaps.append(Gap(f"{where}, node {execution.name}", _words(offset)))
            execution = _shifted(execution, offset.ahead_ms)
        settled.append(execution)
    return settled, gaps


def _words(offset: Offset) -> str:
    side = "ahead of" if offset.ahead_ms > 0 else "behind"
    how = (
        f", give or take {offset.uncertain_ms / 1000:.1f} s"
        if offset.uncertain_ms is not None
        else " or more"
    )
    return (
        f"its clock was about {abs(offset.ahead_ms) / 1000:.1f} s {side} the launching host's"
        f"{how}; its times are corrected by that"
    )


def _shifted(execution: NodeExecution, ahead_ms: int) -> NodeExecution:
    def back(time_ms: int | None) -> int | None:
        return None if time_ms is None else time_ms - ahead_ms

    facts = dict(execution.facts)
    facts["utc_ms_at_zero"] = back(fields.integer(facts, "utc_ms_at_zero"))
    return replace(
        execution,
        started_ms=back(execution.started_ms),
        ended_ms=back(execution.ended_ms),
        first_sample_ms=back(execution.first_sample_ms),
        last_sample_ms=back(execution.last_sample_ms),
        clock_offset_ms=ahead_ms,
        others=tuple(each._replace(zero_ms=back(each.zero_ms)) for each in execution.others),
        facts=facts,
    )
