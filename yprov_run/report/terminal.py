"""The summary of a job on one screen: readable without colour, at 80 columns, in a log file."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path

from rich.console import Console
from rich.text import Text

from yprov_run.merge.ending import COMPLETED, RUNNING, signal_name
from yprov_run.merge.totals import Totals, totals
from yprov_run.model import Ending, Job

_LOG_WIDTH = 80
_LABEL_WIDTH = 12
_MAX_GAPS = 8
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def print_summary(job: Job, document: Path, console: Console) -> None:
    """Print how a job went: state, time, nodes, devices, energy, and what is missing."""
    figures = totals([node for step in job.steps for node in step.nodes])
    console.print(_rule(console, f"yprov-run: {_plain(job.name)} {_plain(job.number)}"))
    for label, value in _lines(job, figures):
        _print_line(console, label, value)
    _print_gaps(job, console)
    _print_line(console, "document", Text(_plain(str(document))))


def make_console(stream_is_stderr: bool) -> Console:
    """Return a console for stderr or stdout; in a log file it writes plain text, 80 wide."""
    console = Console(stderr=stream_is_stderr, highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console = Console(
            stderr=stream_is_stderr,
            highlight=False,
            emoji=False,
            markup=False,
            width=_LOG_WIDTH,
            color_system=None,
        )
    return console


def _print_line(console: Console, label: str, value: Text) -> None:
    line = Text.assemble((label.ljust(_LABEL_WIDTH), "bold"), value)
    console.print(line, soft_wrap=True)  # a log's reader and `grep` want whole lines


def _rule(console: Console, title: str) -> Text:
    width = min(console.width, _LOG_WIDTH)
    return Text(f"-- {title} ".ljust(width, "-")[: max(width, len(title) + 4)], style="dim")


def _lines(job: Job, figures: Totals) -> list[tuple[str, Text]]:
    lines = [
        ("state", _state(job.ending)),
        ("time", Text(_wall_time(job))),
        ("nodes", Text(_nodes(job, figures))),
    ]
    if figures.gpus:
        lines += [
            ("GPUs", Text(str(figures.gpus))),
            ("GPU use", Text(_gpu_use(figures))),
            ("GPU memory", Text(f"peak {_bytes(figures.max_gpu_memory_b)} on one GPU")),
            ("GPU power", Text(_power(figures))),
            ("GPU energy", Text(_energy(figures))),
        ]
    else:
        lines.append(("GPUs", Text("none seen")))
    if figures.max_node_memory_b is not None:
        cpu = "" if figures.mean_cpu is None else f"CPU {figures.mean_cpu:.0%} busy, "
        lines.append(
            ("node-wide", Text(f"{cpu}memory peak {_bytes(figures.max_node_memory_b)} on one node"))
        )
    files = [file for step in job.steps for file in step.files]
    if files:
        inputs = sum(file.role == "input" for file in files)
        lines.append(("files", Text(f"{inputs} input, {len(files) - inputs} output")))
    return lines


def _state(ending: Ending) -> Text:
    words = ending.state
    if ending.exit_status is not None:
        words += f", exit status {ending.exit_status}"
    if ending.signal is not None:
        words += f" by {signal_name(ending.signal)}"
    if ending.reason:
        words += f" ({_plain(ending.reason)})"
    style = "green" if ending.state == COMPLETED else "yellow" if ending.state == RUNNING else "red"
    return Text(words, style=style)


def _wall_time(job: Job) -> str:
    if job.started_ms is None:
        return "unknown"
    started = datetime.fromtimestamp(job.started_ms / 1000, timezone.utc)
    start = f"started {started:%Y-%m-%d %H:%M:%S} UTC"
    if job.ended_ms is None:
        return start
    return f"{_duration((job.ended_ms - job.started_ms) / 1000)}, {start}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d} h" if hours else f"{minutes}:{rest:02d} min"


def _nodes(job: Job, figures: Totals) -> str:
    steps = f", {len(job.steps)} steps" if len(job.steps) > 1 else ""
    endings = ", ".join(
        f"{count} x {_plain(name)}" for name, count in figures.task_endings.items() if name != "0"
    )
    tasks = f"{figures.tasks} task{'' if figures.tasks == 1 else 's'}"
    if figures.workers:
        tasks += f" with {figures.workers} workers"
    return f"{figures.nodes}, {tasks}{steps}" + (f" (ended {endings})" if endings else "")


def _gpu_use(figures: Totals) -> str:
    if figures.mean_utilisation is None or figures.max_utilisation is None:
        return "not sampled"
    return f"mean {figures.mean_utilisation:.0%}, peak {figures.max_utilisation:.0%}"


def _power(figures: Totals) -> str:
    if figures.mean_power_w is None or figures.max_power_w is None:
        return "not sampled"
    return f"mean {figures.mean_power_w:.0f} W, peak {figures.max_power_w:.0f} W per GPU"


def _energy(figures: Totals) -> str:
    if figures.energy_j is None:
        return "not measured"
    words = f"{_joules(figures.energy_j)} ({', '.join(figures.energy_sources)}"
    if figures.energy_j > 0:
        words += f"; {figures.energy_estimated_j / figures.energy_j:.1%} of it estimated"
    return words + ")"


def _joules(energy_j: float) -> str:
    for factor, unit in ((1e9, "GJ"), (1e6, "MJ"), (1e3, "kJ")):
        if energy_j >= factor:
            return f"{energy_j / factor:.2f} {unit}"
    return f"{energy_j:.1f} J"


def _bytes(size: float | None) -> str:
    if size is None:
        return "not sampled"
    for factor, unit in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB")):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size:.0f} B"


def _print_gaps(job: Job, console: Console) -> None:
    for gap in job.gaps[:_MAX_GAPS]:
        words = f"{_plain(gap.where)}: {_plain(gap.what)}"
        _print_line(console, "missing", Text(words, style="yellow"))
    if len(job.gaps) > _MAX_GAPS:
        words = f"{len(job.gaps) - _MAX_GAPS} more, all in the document"
        _print_line(console, "missing", Text(words, style="yellow"))


def _plain(text: str) -> str:
    """Return text that cannot move the cursor, colour the screen or turn the line around."""
    return _INVISIBLE.sub("\ufffd", text)[:200]
