"""How a step and a job ended, by the best evidence there is; and whose evidence that is."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from yprov_run.kinds.accounting import Captured
from yprov_run.merge import fields
from yprov_run.model import Ending, Json, NodeExecution, Step
from yprov_run.numerals import of_digits

COMPLETED, FAILED, KILLED, RUNNING, UNKNOWN = "completed", "failed", "killed", "running", "unknown"

LAUNCHER, AGENTS, NOBODY = "yprov-run", "node agents", "none"
ACCOUNTING = "sacct"
# Ends that only the scheduler knows the cause of.
_CAUSES = (
    "CANCELLED",
    "TIMEOUT",
    "OUT_OF_MEMORY",
    "NODE_FAIL",
    "PREEMPTED",
    "DEADLINE",
    "BOOT_FAIL",
)
_STATES = {"COMPLETED": COMPLETED, "FAILED": FAILED}
# Slurm tells a job's end in whole seconds, and kills within KillWait (30 s) and a grace.
_LIMIT_BEFORE_MS, _LIMIT_AFTER_MS = 5_000, 120_000
_SEVERITY = (RUNNING, UNKNOWN, KILLED, FAILED, COMPLETED)


def signal_name(number: int) -> str:
    """Return `SIGTERM` for 15; the number where it has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def step_ending(
    command: Json, end: Json, nodes: Sequence[NodeExecution], limit_ms: int | None
) -> Ending:
    """Return how a step ended: by what yprov-run wrote, else by what the nodes' agents saw."""
    if end:
        return _by_launcher(end, nodes, limit_ms)
    if _is_alive(command):
        return Ending(RUNNING, LAUNCHER, reason="its end is not recorded yet")
    return _by_agents(nodes, limit_ms)


def _by_launcher(end: Json, nodes: Sequence[NodeExecution], limit_ms: int | None) -> Ending:
    number = fields.integer(end, "signal")
    status = fields.integer(end, "exit_status")
    reason = fields.text(end, "error")
    if number is not None:
        return Ending(
            KILLED, LAUNCHER, signal=number, reason=_limit_reason(end.get("ended_ms"), limit_ms)
        )
    if status is None:
        return replace(_by_agents(nodes, limit_ms), reason="its end is recorded without a status")
    if status == 0:
        return Ending(COMPLETED, LAUNCHER, exit_status=0)
    reason = reason or _limit_reason(end.get("ended_ms"), limit_ms)
    if status - 128 in _signals(nodes):
        # A launcher says in its exit status what its tasks died of.
        return Ending(KILLED, LAUNCHER, exit_status=status, signal=status - 128, reason=reason)
    return Ending(FAILED, LAUNCHER, exit_status=status, reason=reason)


def _signals(nodes: Sequence[NodeExecution]) -> set[int]:
    """Return the signals that tasks died of."""
    return {t.signal for node in nodes for t in node.own_tasks if t.signal is not None}


def _by_agents(nodes: Sequence[NodeExecution], limit_ms: int | None) -> Ending:
    last_ms = max((node.ended_ms for node in nodes if node.ended_ms is not None), default=None)
    lost = "yprov-run was killed before it could write the end"
    tasks = [task for node in nodes for task in node.own_tasks]
    if not nodes or not all(node.complete for node in nodes) or not all(t.ended for t in tasks):
        return Ending(UNKNOWN, NOBODY, reason=f"{lost}; the agents did not see it either")
    signals = sorted(_signals(nodes))
    if signals:
        limit = _limit_reason(last_ms, limit_ms)
        reason = f"{lost}; {limit}" if limit else lost
        return Ending(KILLED, AGENTS, signal=signals[0], reason=reason)
    statuses = {task.exit_status for task in tasks}
    if None in statuses or not statuses:
        return Ending(UNKNOWN, AGENTS, reason=f"{lost}; its tasks ended, how is not known")
    worst = max(status for status in statuses if status is not None)
    state = FAILED if worst else COMPLETED
    return Ending(state, AGENTS, exit_status=worst, reason=lost)


def _limit_reason(ended_ms: object, limit_ms: int | None) -> str:
    if limit_ms is None or not isinstance(ended_ms, int):
        return ""
    if limit_ms - _LIMIT_BEFORE_MS <= ended_ms <= limit_ms + _LIMIT_AFTER_MS:
        return "at the job's time limit"
    return ""


def _is_alive(command: Json) -> bool:
    """Tell whether the launching process lives; only its own machine, since that boot, can say."""
    if not was_launched_here(command):
        return False
    try:
        path = Path(f"/proc/{fields.integer(command, 'pid')}/stat")
        stat = path.read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return False
    return stat[0] not in "ZX" and stat[19] == fields.text(command, "start_ticks")


def was_launched_here(command: Json) -> bool:
    """Tell whether a step was launched on this machine, since its last boot."""
    try:
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return False
    return fields.integer(command, "pid") is not None and fields.text(command, "boot_id") == boot_id


def with_accounting(steps: Sequence[Step], accounting: Captured | None) -> Ending:
    """Return how a job ended: by its steps, and by final accounting where that knows more.

    A step that failed has failed, also where the batch script went on and accounting says
    COMPLETED; but not if the scheduler started the job again after it.
    """
    ending = job_ending(steps)
    if accounting is None or not accounting.final:
        return ending
    if _restarts(accounting) > max((step.restart for step in steps), default=0):
        ending = Ending(UNKNOWN, NOBODY)  # the last start launched nothing
    if accounting.state in _CAUSES:
        return _by_accounting(KILLED, ending, accounting)
    state = _STATES.get(accounting.state)
    if state is None or ending.state in {state, KILLED, FAILED, RUNNING}:
        return ending
    status, _, number = accounting.starts[-1].get("ExitCode").partition(":")
    told = replace(ending, exit_status=of_digits(status), signal=of_digits(number) or None)
    return _by_accounting(state, told, accounting)


def _restarts(accounting: Captured) -> int:
    """Return how often the job was started again; a job that changed its size was not."""
    return sum(start.state != "RESIZING" for start in accounting.starts) - 1


def _by_accounting(state: str, ending: Ending, accounting: Captured) -> Ending:
    reason = f"{accounting.starts[-1].get('State')}, says the scheduler's accounting"
    if ending.reason and ending.state in {KILLED, FAILED}:
        reason += f"; {ending.reason}"
    return Ending(state, ACCOUNTING, ending.exit_status, ending.signal, reason)


def job_ending(steps: Sequence[Step]) -> Ending:
    """Return the ending of the step that ended worst: a job is as well as its worst step.

    Only of those since the job was last started: that was because others had not come to an end.
    """
    if not steps:
        return Ending(UNKNOWN, NOBODY, reason="no step was launched")
    restart = max(step.restart for step in steps)
    last = [step for step in steps if step.restart == restart]
    worst = min(last, key=lambda step: _SEVERITY.index(step.ending.state))
    if len(steps) == 1 or worst.ending.state == COMPLETED:
        return worst.ending
    reason = f"step {worst.number}"
    if worst.ending.reason:
        reason += f": {worst.ending.reason}"
    return Ending(
        worst.ending.state,
        worst.ending.source,
        worst.ending.exit_status,
        worst.ending.signal,
        reason,
    )
