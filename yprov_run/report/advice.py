"""What to do better next time: rules in one table, each with its figure and its threshold.

A rule looks at a whole job and says one line or nothing. docs/advice.md explains each.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from yprov_run.config import ADVICE
from yprov_run.merge.comparison import Group, groups
from yprov_run.merge.ending import COMPLETED, KILLED
from yprov_run.merge.scopes import device_key
from yprov_run.merge.stats import mean
from yprov_run.merge.totals import Totals, job_totals
from yprov_run.model import ColumnStats, DeviceUse, Job, NodeExecution
from yprov_run.report.asked import memory_asked_b, time_limit_s
from yprov_run.report.attempts import attempts_s
from yprov_run.report.words import duration, memory, plain

MOST_LINES = 5
_MOST_NAMES = 4
_HEADROOM = 1.2
_GIB = 2**30
_AT_LIMIT = re.compile(r"time limit|\bTIMEOUT\b")  # as the ending's reason has it
_OWN_MEMORY = {"job_memory", "job_memory_peak"}

Thresholds = Mapping[str, float]


@dataclass(frozen=True)
class Case:
    """A job as the rules see it: its node executions, what they came to, and the thresholds."""

    job: Job
    nodes: tuple[NodeExecution, ...]
    figures: Totals
    limits: Thresholds

    @property
    def seconds(self) -> float | None:
        """How long the job took, the longest of its attempts; None while it runs."""
        if self.job.started_ms is None or self.job.ended_ms is None:
            return None
        whole_s = (self.job.ended_ms - self.job.started_ms) / 1000
        tries_s = attempts_s(self.job)
        return max(tries_s) if len(tries_s) > 1 else whole_s

    @property
    def is_complete(self) -> bool:
        """Whether it did all that it was for: what a part of a job took is enough for no whole."""
        return self.job.ending.state == COMPLETED


Rule = Callable[[Case], str]


def advise(job: Job, limits: Thresholds | None = None, figures: Totals | None = None) -> list[str]:
    """Return at most five lines of advice, most telling first; none for a short or running job."""
    nodes = tuple(node for step in job.steps for node in step.nodes)
    defaults = {name: default for name, (default, _) in ADVICE.items()}
    case = Case(job, nodes, figures or job_totals(job), {**defaults, **(limits or {})})
    if case.seconds is None or case.seconds < case.limits["least_seconds"]:
        return []
    lines = [words for _, rule in RULES if (words := rule(case))]
    return lines[:MOST_LINES]


def _names(names: Iterable[str]) -> str:
    found = [plain(name, 40) for name in dict.fromkeys(names)]
    rest = f" and {len(found) - _MOST_NAMES} more" if len(found) > _MOST_NAMES else ""
    return ", ".join(found[:_MOST_NAMES]) + rest


_Use = tuple[NodeExecution, DeviceUse]


def _uses(nodes: Group) -> list[tuple[NodeExecution, DeviceUse, ColumnStats]]:
    """Return each device with its utilisation in each step, where that was sampled."""
    return [
        (node, use, use.utilisation)
        for node in nodes
        for use in node.devices
        if use.utilisation is not None and use.utilisation.mean is not None
    ]


def _idle(case: Case) -> tuple[dict[str, _Use], int]:
    """Return the devices that were idle in every step that had them, and how many there are.

    In every step and not over all of them: what one step needs, the job cannot do without.
    """
    busiest: dict[str, float] = {}
    place: dict[str, _Use] = {}
    for node, use, column in _uses(case.nodes):
        key = device_key(node, use)
        busiest[key] = max(column.mean or 0.0, busiest.get(key, 0.0))
        place[key] = (node, use)
    limit = case.limits["gpu_idle_below"]
    return {key: place[key] for key, share in busiest.items() if share < limit}, len(busiest)


def _no_gpu_used(case: Case) -> str:
    idle, total = _idle(case)
    if not total or len(idle) < total:
        return ""
    what = "the GPU" if total == 1 else f"all {total:,} GPUs"
    return (
        f"{what} stood idle (under {case.limits['gpu_idle_below']:.0%} used): "
        "ask for none, or for nodes without"
    )


def _idle_gpus(case: Case) -> str:
    idle, total = _idle(case)
    if not idle or len(idle) == total:
        return ""
    names = _names(f"{node.name} GPU {use.device.index}" for node, use in idle.values())
    return f"{len(idle):,} of {total:,} GPUs stood idle: ask for fewer, or use {names}"


def _data_loading(case: Case) -> str:
    idle, _ = _idle(case)
    used = _load(case.nodes, idle)
    if used is None or used >= case.limits["gpu_low_below"]:
        return ""
    low, cpu, waiting = f"GPUs {used:.0%} used", case.figures.mean_cpu, _waiting(case)
    if cpu is not None and cpu > case.limits["cpu_high_above"]:
        return (
            f"{low} while CPUs are {cpu:.0%} busy: "
            "loading data may be what they wait for; prefetch, or more workers"
        )
    if waiting is not None and waiting > case.limits["io_wait_above"]:
        return (
            f"{low} while CPUs wait {waiting:.0%} of the time for I/O: "
            "reading data may be what they wait for; prefetch, or read from faster storage"
        )
    return ""


def _waiting(case: Case) -> float | None:
    """Return the mean share of CPU time that waited for I/O; None where it was not sampled."""
    return mean([
        stats
        for node in case.nodes
        for column, stats in node.host
        if column.quantity.name == "cpu_iowait"
    ])  # fmt: skip


def _throttled(case: Case) -> str:
    by_device: dict[str, list[_Use]] = {}
    for node in case.nodes:
        for use in node.devices:
            if use.throttle_known_s > 0:
                by_device.setdefault(device_key(node, use), []).append((node, use))
    held = []
    for uses in by_device.values():
        share = sum(u.throttled_s for _, u in uses) / sum(u.throttle_known_s for _, u in uses)
        if share > case.limits["throttled_above"]:
            held.append((share, *max(uses, key=lambda each: each[1].throttled_s)))
    if not held:
        return ""
    held.sort(key=lambda found: -found[0])
    share, _, use = held[0]
    why = max(use.throttled_by, key=lambda reason: reason[1], default=("power or heat", 0.0))[0]
    names = _names(f"{node.name} GPU {other.device.index}" for _, node, other in held)
    return (
        f"{names} held back by {plain(why, 40)}, for up to {share:.0%} of the time: "
        "tell the site, or leave these nodes out"
    )


def _memory(case: Case) -> str:
    if not case.is_complete:
        return ""
    asked_b, peak_b = memory_asked_b(case.job), job_memory_b(case.nodes)
    whose = "the job's peak"
    if peak_b is None:
        peak_b, whose = case.figures.max_node_memory_b, "the node's peak"
    if asked_b is None or peak_b is None or peak_b >= case.limits["memory_used_below"] * asked_b:
        return ""
    fit = max(1, math.ceil(peak_b * _HEADROOM / _GIB))
    if fit * _GIB >= asked_b:
        return ""
    return (
        f"memory: {memory(asked_b)} a node asked for, {memory(peak_b)} {whose}: "
        f"--mem={fit}G is enough"
    )


def job_memory_b(nodes: Sequence[NodeExecution]) -> float | None:
    """Return the job's own highest memory on any node; None unless every node tells."""
    peaks = []
    for node in nodes:
        own = [s.maximum for c, s in node.host if c.quantity.name in _OWN_MEMORY and s.count]
        if not own:
            return None
        peaks.append(max(value or 0.0 for value in own))
    return max(peaks, default=None)


def _time(case: Case) -> str:
    limit_s, used_s = time_limit_s(case.job), case.seconds
    if limit_s is None or used_s is None:
        return ""
    asked = f"time limit {duration(limit_s)}, used {duration(used_s)}"
    if (number := len(attempts_s(case.job))) > 1:
        asked += f" in the longest of {number} attempts"
    if not case.is_complete and (used_s >= limit_s or _AT_LIMIT.search(case.job.ending.reason)):
        return f"{asked}: it was reached; ask for more, or save and go on in another job"
    fit = max(1, math.ceil(used_s * _HEADROOM / 60))
    if case.job.ending.state != KILLED and used_s > case.limits["time_used_above"] * limit_s:
        return f"{asked}: close to being killed; --time={fit}"
    little = used_s < case.limits["time_used_below"] * limit_s and fit * 60 < limit_s
    return f"{asked}: --time={fit} would start sooner" if case.is_complete and little else ""


def _imbalance(case: Case) -> str:
    idle, _ = _idle(case)
    for nodes in groups([step.nodes for step in case.job.steps]):
        loads = [(load, node.name) for node in nodes if (load := _load([node], idle)) is not None]
        if len(loads) > 1:
            return _uneven(loads, 1 - case.limits["imbalance_above"])
    return ""


def _load(nodes: Group, left_out: Container[str]) -> float | None:
    """Return the devices' mean utilisation over their time, without those that are left out."""
    return mean([each for node, use, each in _uses(nodes) if device_key(node, use) not in left_out])


def _uneven(loads: Sequence[tuple[float, str]], share: float) -> str:
    """Return what to say of nodes with these loads, where one is below that share of another's."""
    middle = statistics.median_high(load for load, _ in loads)
    if behind := sorted(each for each in loads if each[0] < middle * share):
        return (
            f"uneven work: {_names(name for _, name in behind)} {behind[0][0]:.0%} used, "
            f"the median node {middle:.0%}: look at what differs there"
        )
    if ahead := [each for each in loads if each[0] * share > middle]:
        return (
            f"uneven work: {_names(name for _, name in ahead)} {max(ahead)[0]:.0%} used, "
            f"the median node {middle:.0%}: balance what each node gets"
        )
    return ""


def _stragglers(case: Case) -> str:
    late: list[tuple[float, str]] = []
    for step in case.job.steps:
        ends = [(n.name, n.ended_ms) for n in step.nodes if n.ended_ms is not None and n.complete]
        if len(ends) < 3 or step.started_ms is None:
            continue
        middle = statistics.median(ended_ms for _, ended_ms in ends)
        took_ms = middle - step.started_ms
        if took_ms < 1000 * case.limits["least_seconds"]:
            continue
        for name, ended_ms in ends:
            if ended_ms - middle > case.limits["straggler_above"] * took_ms:
                late.append(((ended_ms - middle) / 1000, name))
    if not late:
        return ""
    late.sort(reverse=True)
    return (
        f"stragglers: {_names(name for _, name in late)} ended up to {duration(late[0][0])} after "
        f"the median of the nodes, which waited: look at what differs there, or even out the work"
    )


# Most telling first: an idle GPU costs more than a generous time limit.
RULES: Sequence[tuple[str, Rule]] = (
    ("no GPU used", _no_gpu_used),
    ("idle GPUs", _idle_gpus),
    ("data loading", _data_loading),
    ("imbalance", _imbalance),
    ("stragglers", _stragglers),
    ("throttling", _throttled),
    ("memory", _memory),
    ("time limit", _time),
)
