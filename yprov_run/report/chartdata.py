"""What the page's script draws: lines for few nodes, a band and a heat map for many; and marks."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence

from yprov_run.merge.ending import signal_name
from yprov_run.model import QUANTITIES, Column, Job, Json
from yprov_run.report.series import (
    CHARTS,
    WORST_NODES,
    Cell,
    Series,
    Timeline,
    factor_and_unit,
)
from yprov_run.report.words import plain

MAX_LINES = 32
_WITH_HEAT = {"gpu_utilisation", "gpu_power", "cpu_busy"}
_NOTHING = 255
_MAX_MARKS = 40
_DIGITS = 4
_NAME = 60

TITLES = {
    "gpu_utilisation": "GPU utilisation",
    "gpu_power": "GPU power",
    "gpu_memory_used": "GPU memory in use",
    "gpu_temperature": "GPU temperature",
    "gpu_sm_clock": "GPU clock",
    "zone_power": "Power of other parts",
    "cpu_busy": "CPU time not idle, node-wide",
    "memory_used": "Memory in use, node-wide",
}


def chart_data(line: Timeline) -> list[Json]:
    """Return one chart per quantity that was sampled, as JSON for the page's script."""
    charts = []
    for quantity in CHARTS:
        series = line.by_quantity.get(quantity, [])
        if series:
            charts.append(_chart(quantity, series, line))
    return charts


def _chart(quantity: str, series: Sequence[Series], line: Timeline) -> Json:
    factor, unit = factor_and_unit(Column(QUANTITIES[quantity]))
    chart: Json = {
        "id": quantity,
        "title": TITLES.get(quantity, quantity),
        "unit": unit,
        "start": line.started_ms,
        "step": line.bucket_ms,
        "count": line.buckets,
    }
    steps = {each.step for each in series}
    if len(series) <= MAX_LINES and not line.of_many:
        chart["lines"] = [_line(_name(s, len(steps) > 1), [s], line, factor) for s in series]
    elif not line.of_many:
        chart["lines"] = [
            _line(f"{plain(node, _NAME)}, lowest and highest GPU", found, line, factor)
            for node, found in _by_node(series).items()
        ]
    else:
        chart["lines"] = _band(series, line, factor)
        if quantity in _WITH_HEAT:
            chart["heat"] = _heat(series, line, factor, unit)
        chart["worst"] = _worst(series, line, factor)
    return chart


def _name(series: Series, with_step: bool) -> str:
    words = plain(series.node, _NAME)
    if series.part:
        words += f" {plain(series.part, _NAME)}"
    elif series.device is not None:
        words += f" GPU {series.device}"
    return f"{words}, step {series.step}" if with_step else words


def _by_node(series: Iterable[Series]) -> dict[str, list[Series]]:
    found: dict[str, list[Series]] = {}
    for each in series:
        found.setdefault(each.node, []).append(each)
    return found


def _merged(series: Sequence[Series], bucket: int) -> Cell | None:
    if len(series) == 1:
        return series[0].cell(bucket)
    found = [each for each in series if each.number[bucket]]
    if not found:
        return None
    return Cell(
        (
            min(each.low[bucket] for each in found),
            max(each.high[bucket] for each in found),
            sum(each.total[bucket] for each in found),
            sum(each.number[bucket] for each in found),
        )
    )


def _round(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _line(label: str, series: Sequence[Series], line: Timeline, factor: float) -> Json:
    """Return two points a bucket: the lowest and the highest, the one that came first before.

    The second is left out where they agree; of several series the lowest is the first.
    """
    values: list[float | None] = []
    for bucket in range(line.buckets):
        cell = _merged(series, bucket)
        low = None if cell is None else _round(cell[0] * factor)
        high = None if cell is None or cell[0] == cell[1] else _round(cell[1] * factor)
        falls = high is not None and len(series) == 1 and series[0].falls[bucket]
        values += [high, low] if falls else [low, high]
    return {"label": label, "values": values}


def _band(series: Sequence[Series], line: Timeline, factor: float) -> list[Json]:
    """Return the lowest, the mean and the highest of all."""
    picks: list[tuple[str, Callable[[Cell], float]]] = [
        ("highest of all", lambda cell: cell[1]),
        ("mean of all", lambda cell: cell[2] / cell[3]),
        ("lowest of all", lambda cell: cell[0]),
    ]
    cells = [_merged(series, bucket) for bucket in range(line.buckets)]
    return [
        {
            "label": label,
            "values": [
                value
                for cell in cells
                for value in (None if cell is None else _round(pick(cell) * factor), None)
            ],
        }
        for label, pick in picks
    ]


def _mean(series: Sequence[Series]) -> float:
    number = sum(sum(each.number) for each in series)
    return sum(sum(each.total) for each in series) / number if number else 0.0


def _heat(series: Sequence[Series], line: Timeline, factor: float, unit: str) -> Json:
    """Return a row per node, each cell a mean in one byte, base64."""
    rows = list(_by_node(series).items())
    top = 100.0
    if unit != "%":
        top = max(max(max(each.high) for each in series) * factor, 1e-9)
    pixels = bytearray()
    means = []
    for _, members in rows:
        for bucket in range(line.buckets):
            number = sum(each.number[bucket] for each in members)
            total = sum(each.total[bucket] for each in members)
            share = total * factor / number / top if number else 0.0
            pixels.append(min(254, round(254 * share)) if number else _NOTHING)
        means.append(_round(_mean(members) * factor))
    return {
        "rows": [plain(node, _NAME) for node, _ in rows],
        "means": means,
        "columns": line.buckets,
        "whole": line.share_read >= 1,
        "top": _round(top),
        "pixels": base64.b64encode(bytes(pixels)).decode(),
    }  # fmt: skip


def _worst(series: Sequence[Series], line: Timeline, factor: float) -> list[Json]:
    """Return the lines of the nodes furthest from the median node: whoever held the others up."""
    by_node = _by_node(series)
    means = {node: _mean(found) for node, found in by_node.items()}
    middle = sorted(means.values())[len(means) // 2]
    chosen = sorted(means, key=lambda node: -abs(means[node] - middle))[:WORST_NODES]
    return [
        _line(f"{plain(node, _NAME)}, lowest and highest", by_node[node], line, factor)
        for node in chosen
    ]


def marks(job: Job) -> list[Json]:
    """Return what happened when: starts and ends of steps, signals, nodes that fell silent.

    Of very many the first and the last, with a mark between that says how many are left out.
    """
    found: list[tuple[int, str, str]] = []
    for step in job.steps:
        name = f"step {step.number}"
        if step.started_ms is not None:
            found.append((step.started_ms, f"{name} starts", ""))
        if step.ended_ms is not None:
            ending = step.ending
            how = f" by {signal_name(ending.signal)}" if ending.signal is not None else ""
            bad = "" if ending.state == "completed" else "bad"
            found.append((step.ended_ms, f"{name} {ending.state}{how}", bad))
        for node in step.nodes:
            lost = not node.complete and not node.ended_with_step
            if lost and node.last_sample_ms is not None and step.ending.state != "running":
                words = f"{plain(node.name, _NAME)}: last sample"
                found.append((node.last_sample_ms, words, "bad"))
            signals = {task.signal for task in node.own_tasks if task.signal is not None}
            if signals and node.ended_ms is not None and step.ending.signal is None:
                names = ", ".join(sorted(map(signal_name, signals)))
                found.append((node.ended_ms, f"{plain(node.name, _NAME)}: {names}", "bad"))
    found.sort()
    if (left_out := len(found) - _MAX_MARKS) > 0:
        half = _MAX_MARKS // 2
        between = (found[half][0], f"{left_out + 1} more marks, not drawn", "bad")
        found = [*found[:half], between, *found[1 - half :]]
    return [{"time": t, "label": words, "tone": tone} for t, words, tone in found]
