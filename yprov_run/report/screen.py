"""A running job on a screen of any size: the whole first, then its nodes, worst first."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from datetime import datetime, timezone

from rich.text import Text

from yprov_run.report.live import LiveJob, LiveNode, blended, mean
from yprov_run.report.liveagent import CPU, GPU_MEMORY, MEMORY, POWER, USE, LiveDevice
from yprov_run.report.words import count, duration, memory, plain

_BARS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
_ASCII_BARS = "_.-~=+*#"
_LABEL, _NAME, _LEAST_SPARK = 12, 14, 6
_BEHIND = 0.75  # of the median node's use
_STYLES = {"running": "yellow", "completed": "green"}


def sparkline(values: Sequence[float], width: int, top: float, ascii_only: bool = False) -> str:
    """Return the newest values as bars from 0 to `top`, the newest at the right."""
    bars = _ASCII_BARS if ascii_only else _BARS
    shown = list(values)[-width:] if width > 0 else []
    top = top if top > 0 else 1.0
    text = "".join(
        bars[max(0, min(len(bars) - 1, int(value / top * len(bars))))] for value in shown
    )
    return text.rjust(max(0, width))


def frame(
    job: LiveJob,
    now_ms: int,
    width: int,
    height: int,
    ascii_only: bool = False,
    in_log: bool = False,
) -> list[Text]:
    """Return the lines of a screen, exactly `height` of them, none wider than `width`.

    In a log there are no more of them than say something.
    """
    nodes = job.nodes
    behind = _behind(nodes)
    lines = _head(job, len(behind), now_ms, width, ascii_only)
    room = max(0, height - len(lines) - 2)
    ordered = sorted(nodes, key=lambda node: _badness(node, now_ms))
    devices = sum(len(node.devices) for node in nodes)
    rows: list[Text] = []
    if nodes:
        lines.append(_heading(width))
        for node in ordered:
            rows.append(_node_row(node, node.name in behind, now_ms, width, ascii_only))
            if len(nodes) + devices <= room:
                rows += [
                    _device_row(device, width, ascii_only)
                    for _, device in sorted(node.devices.items())
                ]
    else:
        rows.append(Text("waiting for the first node to say something"))
    hidden = max(0, len(rows) - room)
    lines += rows[:room]
    if not in_log:
        lines += [Text("")] * (height - 1 - len(lines))
    lines = lines[: height - 1]
    lines.append(_foot(hidden, now_ms, width, "" if in_log else "; q ends"))
    for line in lines:
        line.truncate(width)
    return lines


def _head(job: LiveJob, behind: int, now_ms: int, width: int, ascii_only: bool) -> list[Text]:
    nodes = job.nodes
    until_ms = job.ended_ms if job.ended_ms is not None else now_ms
    took = "" if job.started_ms is None else duration(max(0, until_ms - job.started_ms) / 1000)
    state = job.ending.state
    step = "" if not job.step else f", step {job.step}"
    title = Text.assemble(
        (plain(job.name, max(10, width - 40)), "bold"), "  ",
        (f"{state}{step}", _STYLES.get(state, "red")), f"  {took}",
    )  # fmt: skip
    silent = [node for node in nodes if node.is_silent(now_ms)]
    ended = sum(node.has_ended for node in nodes)
    words = count(len(nodes), "node")
    if devices := sum(len(node.devices) for node in nodes):
        words += f", {count(devices, 'GPU')}"
    if ended:
        words += f", {ended} ended"
    second = Text(words)
    if silent:
        second.append(f", {len(silent)} silent", style="red")
    if behind:
        second.append(f", {behind} behind", style="yellow")
    lines = [title, second]
    uses = [node.last[USE] for node in nodes if USE in node.last]
    powers = [node.last[POWER] for node in nodes if POWER in node.last]
    cpus = [node.last[CPU] for node in nodes if CPU in node.last]
    if uses:
        words = f"mean {mean(uses):.0%}, lowest node {min(uses):.0%}"
        lines.append(_measure("GPU use", words, blended(nodes, USE), 1.0, width, ascii_only))
    if powers:
        history = blended(nodes, POWER)
        words = f"{sum(powers) / 1000:.2f} kW of all GPUs"
        lines.append(_measure("GPU power", words, history, max(history) * 1.05, width, ascii_only))
    if cpus:
        words = f"mean {mean(cpus):.0%}"
        lines.append(_measure("CPU", words, blended(nodes, CPU), 1.0, width, ascii_only))
    lines.append(Text(""))
    return lines


def _measure(
    label: str, words: str, history: Sequence[float], top: float, width: int, ascii_only: bool
) -> Text:
    left = _LABEL + 30
    bars = sparkline(history, max(0, width - left - 1), top, ascii_only)
    return Text.assemble((label.ljust(_LABEL), "bold"), words.ljust(30), (bars, "cyan"))


def _spark_width(width: int) -> int:
    return max(0, width - _NAME - 44)


def _heading(width: int) -> Text:
    spark = "use".ljust(_spark_width(width)) if _spark_width(width) >= _LEAST_SPARK else ""
    return Text(
        f"{'node':<{_NAME}}{'age':>8}{'GPU use':>9}{'power':>9}{'memory':>11}{'CPU':>6} {spark}",
        style="bold",
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _watts(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} W"


def _node_row(node: LiveNode, is_behind: bool, now_ms: int, width: int, ascii_only: bool) -> Text:
    age_s = node.age_s(now_ms)
    age = "ended" if node.has_ended else "-" if age_s is None else f"{age_s:.0f} s"
    held = node.last.get(GPU_MEMORY, node.last.get(MEMORY))
    style = "red" if node.is_silent(now_ms) else "yellow" if is_behind else ""
    mark = "!" if node.is_silent(now_ms) else "<" if is_behind else " "
    words = (
        f"{plain(node.name, _NAME - 2):<{_NAME - 1}}{mark}{age:>8}"
        f"{_share(node.last.get(USE)):>9}{_watts(node.last.get(POWER)):>9}"
        f"{'-' if held is None else memory(held):>11}{_share(node.last.get(CPU)):>6} "
    )
    quantity = USE if node.history[USE] else CPU
    bars = _bars(node.history[quantity], width, ascii_only)
    return Text.assemble((words, style), (bars, "cyan"))


def _bars(values: Sequence[float], width: int, ascii_only: bool) -> str:
    room = _spark_width(width)
    return sparkline(values, room, 1.0, ascii_only) if room >= _LEAST_SPARK else ""


def _device_row(device: LiveDevice, width: int, ascii_only: bool) -> Text:
    held = device.last.get(GPU_MEMORY)
    words = (
        f"{f'  GPU {device.index}':<{_NAME}}{'':>8}{_share(device.last.get(USE)):>9}"
        f"{_watts(device.last.get(POWER)):>9}{'-' if held is None else memory(held):>11}{'':>6} "
    )
    return Text.assemble(words, (_bars(device.use, width, ascii_only), "cyan"))


def _behind(nodes: Sequence[LiveNode]) -> set[str]:
    """Return the names of the nodes whose mean use is well below the median node's."""
    means = {node.name: found for node in nodes if (found := mean(node.history[USE])) is not None}
    if len(means) < 2:
        return set()
    limit = _BEHIND * statistics.median(means.values())
    return {name for name, found in means.items() if found < limit}


def _badness(node: LiveNode, now_ms: int) -> tuple[int, float, str]:
    """Order nodes: silent, then running by how little they are used, then ended."""
    rank = 0 if node.is_silent(now_ms) else 2 if node.has_ended else 1
    return rank, mean(node.history[USE]) or mean(node.history[CPU]) or 0.0, node.name


def _foot(hidden: int, now_ms: int, width: int, keys: str) -> Text:
    more = f"{hidden} more; " if hidden else ""
    clock = f"{datetime.fromtimestamp(now_ms / 1000, timezone.utc):%H:%M:%S} UTC"
    words = f"{more}worst first; ! silent, < behind{keys}"
    return Text(words.ljust(max(0, width - len(clock))) + clock, style="dim")
