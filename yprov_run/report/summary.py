"""How a job went, in a dozen lines: the same words on a terminal and on the page."""

from __future__ import annotations

from typing import NamedTuple

from yprov_run.merge.ending import COMPLETED, RUNNING, signal_name
from yprov_run.merge.totals import NOT_SEEN, Totals, job_totals
from yprov_run.model import Ending, Job
from yprov_run.provenance.worth import job_worth
from yprov_run.report.asked import time_limit_s
from yprov_run.report.attempts import attempts_s
from yprov_run.report.reading import structure, value
from yprov_run.report.words import (
    amount,
    count,
    duration,
    joules,
    memory,
    moment,
    plain,
    rounded,
)

_WORTH_SAYING = 0.01
_NAME = 40
GOOD, OPEN, BAD, NEUTRAL = "good", "open", "bad", ""


class Line(NamedTuple):
    """One line of a summary; the tone says what colour may say again, never more."""

    label: str
    words: str
    tone: str = NEUTRAL


def summary(job: Job, figures: Totals | None = None) -> list[Line]:
    """Return how a job went: state, time, nodes, devices, energy, memory, files."""
    figures = figures or job_totals(job)
    lines = [
        Line("state", state_words(job.ending), tone(job.ending.state)),
        Line("time", _wall_time(job)),
        Line("nodes", _nodes(job, figures)),
    ]
    if figures.gpus:
        lines += [
            Line("GPUs", f"{figures.gpus:,}"),
            Line("GPU use", _gpu_use(figures)),
            Line("GPU memory", f"peak {memory(figures.max_gpu_memory_b)} on one GPU"),
            Line("GPU power", _power(figures)),
            Line("GPU energy", _energy(figures)),
        ]
        if figures.measured_energy_j is not None and figures.measured_scopes != ("gpu",):
            words = f"{joules(figures.measured_energy_j)} ({', '.join(figures.measured_scopes)})"
            lines.append(Line("all energy", words))
    else:
        lines.append(Line("GPUs", "none seen"))
    if figures.max_node_memory_b is not None:
        cpu = "" if figures.mean_cpu is None else f"CPU {figures.mean_cpu:.0%} busy, "
        words = f"{cpu}memory peak {memory(figures.max_node_memory_b)} on one node"
        lines.append(Line("node-wide", words))
    counts = [(file.generated, 1) for step in job.steps for file in step.files]
    counts += [(many.generated, many.count) for step in job.steps for many in step.collections]
    if counts:
        read = sum(count for generated, count in counts if not generated)
        written = sum(count for generated, count in counts if generated)
        lines.append(Line("files", f"{read:,} read, {written:,} written"))
    return [*lines, *_worth(job, figures)]


def _worth(job: Job, figures: Totals) -> list[Line]:
    """Return how much work was done for the energy, and what that emitted and cost, if told."""
    told = job_worth(job.steps, figures)
    each = dict(structure(told.get("run:energyPerUnit")) or ())
    lines = []
    for name, done, _ in structure(told.get("run:figureOfMerit")) or ():
        words = f"{amount(done)} {plain(name, _NAME)}"
        if name in each:
            words += f", {joules(each[name])} for each"
        lines.append(Line("work", words))
    parts = []
    if "run:emissions" in told:
        parts.append(f"{rounded(value(told['run:emissions']))} kg CO2e")
    if "run:cost" in told:
        currency = plain(str(told.get("run:currency", "")), _NAME)
        parts.append(f"{rounded(value(told['run:cost']))} {currency}".strip())
    if parts:
        source = plain(str(value(told.get("run:tariffSource", ""))))
        lines.append(Line("footprint", f"{', '.join(parts)} ({source})"))
    return lines


def tone(state: str) -> str:
    """Return how a state looks: good, open or bad."""
    return GOOD if state == COMPLETED else OPEN if state == RUNNING else BAD


def state_words(ending: Ending) -> str:
    """Return a state with its exit status or signal, and why."""
    words = ending.state
    if ending.exit_status is not None:
        words += f", exit status {ending.exit_status}"
    if ending.signal is not None:
        words += f" by {signal_name(ending.signal)}"
    if ending.reason:
        words += f" ({plain(ending.reason)})"
    return words


def _wall_time(job: Job) -> str:
    if job.started_ms is None:
        return "unknown"
    start = f"started {moment(job.started_ms)}"
    if job.ended_ms is None:
        return start
    took_s = (job.ended_ms - job.started_ms) / 1000
    words, tries_s, limit_s = duration(took_s), attempts_s(job), time_limit_s(job)
    if len(tries_s) > 1:
        took_s = max(tries_s)  # a limit is that of each attempt
        words += f" in {len(tries_s)} attempts, the longest {duration(took_s)}"
    share = "" if limit_s is None else f" of {duration(limit_s)} ({took_s / limit_s:.0%})"
    return f"{words}{share}, {start}"


def _nodes(job: Job, figures: Totals) -> str:
    steps = f", {len(job.steps)} steps" if len(job.steps) > 1 else ""
    endings = ", ".join(
        f"{number:,} x {plain(name)}"
        for name, number in figures.task_endings.items()
        # Of a job that runs, most tasks are not seen to end, and all is well.
        if name != "0" and not (name == NOT_SEEN and job.ending.state == RUNNING)
    )
    tasks = count(figures.tasks, "task")
    if figures.workers:
        tasks += f" with {figures.workers:,} workers"
    return f"{figures.nodes:,}, {tasks}{steps}" + (f" (ended {endings})" if endings else "")


def _gpu_use(figures: Totals) -> str:
    if figures.mean_utilisation is None or figures.max_utilisation is None:
        return "not sampled"
    words = f"mean {figures.mean_utilisation:.0%}, peak {figures.max_utilisation:.0%}"
    if figures.idle_share is not None and figures.idle_share >= _WORTH_SAYING:
        words += f", idle {figures.idle_share:.0%} of the time"
    if figures.throttled_share is not None and figures.throttled_share >= _WORTH_SAYING:
        words += f", held back {figures.throttled_share:.0%}"
    return words


def _power(figures: Totals) -> str:
    if figures.mean_power_w is None or figures.max_power_w is None:
        return "not sampled"
    return f"mean {figures.mean_power_w:.0f} W, peak {figures.max_power_w:.0f} W per GPU"


def metered_gpus(figures: Totals) -> str:
    """Return how many GPUs there were, and of how many of them the energy is known."""
    gpus = next((scope for scope in figures.energy_scopes if scope.kind == "gpu"), None)
    of = f"{gpus.devices:,} of " if gpus is not None and gpus.silent else ""
    return of + count(figures.gpus, "GPU")


def _energy(figures: Totals) -> str:
    if figures.energy_j is None:
        return "not measured"
    words = joules(figures.energy_j)
    gpus = metered_gpus(figures)
    if gpus != count(figures.gpus, "GPU"):
        words += f" by {gpus}"
    if figures.energy_bound_j is not None and figures.energy_j > 0:
        words += f" +/- {figures.energy_bound_j / figures.energy_j:.1%}"
    words += f" ({', '.join(figures.energy_sources)}"
    if figures.energy_j > 0:
        words += f"; {figures.energy_estimated_j / figures.energy_j:.1%} of it estimated"
    return words + ")"
