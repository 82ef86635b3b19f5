"""The page's sections on what ran: head, time, energy, nodes, provenance."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from yprov_run.merge.totals import Totals, totals
from yprov_run.model import ColumnStats, DeviceUse, Job, Json, NodeExecution, Step
from yprov_run.report.graph import Graph
from yprov_run.report.markup import Markup, definitions, filled_table, join, tag
from yprov_run.report.overview import Overview
from yprov_run.report.picture import graph_svg
from yprov_run.report.series import Timeline, mean_use
from yprov_run.report.summary import Line, metered_gpus, state_words, summary, tone
from yprov_run.report.words import count, duration, joules, memory, moment, plain

MAX_ROWS = 200
_MOST_MODELS = 5


def section(identifier: str, title: str, *content: str) -> Markup:
    """Return a section of the page with its heading."""
    return tag(
        "section",
        [tag("h2", title, id=f"{identifier}-title"), *content],
        id=identifier,
        aria_labelledby=f"{identifier}-title",
    )


def head(known: Overview, links: Sequence[tuple[str, str]]) -> Markup:
    """Return the summary, the advice, the commands and where everything is."""
    job, advice = known.job, known.advice
    lines = summary(job, known.figures)
    state = lines[0]
    parts = [
        tag(
            "header",
            [
                tag(
                    "h1", [tag("span", plain(job.name, 400)), " ", tag("small", plain(job.number))]
                ),
                tag("p", state.words, class_=f"state {state.tone}"),
            ],
        ),
    ]
    figures = [definitions(_figure(line) for line in lines[1:])]
    if advice:
        heading = tag("h2", "What to do better", id="advice-title")
        items = tag("ul", [tag("li", words) for words in advice])
        figures.append(
            tag("section", [heading, items], id="advice", class_="advice",
                aria_labelledby="advice-title")
        )  # fmt: skip
    parts.append(tag("div", figures, class_="look"))
    shown = job.steps[:20]
    parts.append(tag("ul", [_command(step) for step in shown], class_="commands"))
    if len(job.steps) > len(shown):
        parts.append(tag("p", f"and {len(job.steps) - len(shown)} more steps, in the document"))
    tags = [f"{key}={value}" for key, value in job.tags]
    if tags:
        parts.append(tag("p", [tag("code", words) for words in tags], class_="tags"))
    anchors = [tag("a", words, href=target) for target, words in links]
    parts.append(tag("nav", anchors, class_="files", aria_label="Files of this job"))
    return join(parts)


def _figure(line: Line) -> tuple[str, str]:
    return line.label, line.words.replace(" +/- ", " \u00b1 ")


def _command(step: Step) -> Markup:
    line = " ".join(map(shlex.quote, step.argv))
    words = f"step {step.number}: {state_words(step.ending)}"
    if step.started_ms is not None and step.ended_ms is not None:
        words += f", {duration((step.ended_ms - step.started_ms) / 1000)}"
    return tag(
        "li",
        [
            tag("code", plain(line, 2_000)),
            tag("span", words, class_=f"state {tone(step.ending.state)}"),
        ],
    )


def time(line: Timeline | None, marks: Sequence[Json]) -> Markup:
    """Return the places of the charts, and the marks as a list that any reader can read."""
    if line is None:
        return section("time", "Over time", tag("p", "No samples were recorded."))
    words = (
        f"Each line shows the lowest and the highest sample of every "
        f"{duration(line.bucket_ms / 1000)}; times are UTC. Drag to zoom, double-click to see all; "
        "or with the keyboard: arrows move, + and - zoom, 0 shows all."
    )
    if line.share_read < 1:
        words += (
            f" The samples are many: about {line.share_read:.1%} of them, spread evenly, are "
            "drawn here, so short peaks may be missing; the figures use all."
        )
    if line.nodes_read < line.nodes:
        words += (
            f" Of {line.nodes:,} nodes, {line.nodes_read:,} are drawn: evenly chosen, and the "
            "least used."
        )
    items = [
        tag("li", f"{moment(int(str(mark['time'])))}: {mark['label']}", class_=str(mark["tone"]))
        for mark in marks
    ]
    return section(
        "time",
        "Over time",
        tag("p", words, class_="note"),
        tag("div", None, id="charts"),
        tag("noscript", tag("p", "The charts need JavaScript; the tables below do not.")),
        tag("details", [tag("summary", f"{len(items)} events"), tag("ul", items)]),
    )


def _stat(stats: ColumnStats | None, figure: str, factor: float, unit: str) -> str:
    value = None if stats is None else getattr(stats, figure)
    return "" if value is None else f"{value * factor:,.0f}{unit}"


def energy(job: Job, figures: Totals) -> Markup:
    """Return the energy per device, largest first, with how each figure was made."""
    rows: list[tuple[float, int, NodeExecution, DeviceUse]] = []
    for step in job.steps:
        for node in step.nodes:
            uses = (*node.devices, *node.zones)
            rows += [(use.energy_j or 0.0, step.number, node, use) for use in uses]
    if not rows:
        return section("energy", "Energy", tag("p", "No device's energy was recorded."))
    rows.sort(key=lambda row: -row[0])
    words = _energy_words(job, figures)
    if len(rows) > MAX_ROWS:
        words += f" The {MAX_ROWS} largest are shown; all are in the document."
    most = rows[0][0] or 1.0
    cells = [
        _energy_cells(_number(step, job), node, use, most)
        for used, step, node, use in rows[:MAX_ROWS]
    ]
    return section(
        "energy",
        "Energy",
        tag("p", words),
        filled_table(_ENERGY_COLUMNS, cells, "Energy by device", _ENERGY_NUMBERS),
        tag("p", "Bound: the true energy is within it, the sensor's own calibration left out. "
            "Idle: used while no kernel ran; the pale end of a bar. Held back: share of the time "
            "in which power or heat kept the clocks down. By samples: the same time's energy from "
            "power samples, against the counter's.", class_="note"),
    )  # fmt: skip


_ENERGY_COLUMNS = (
    "node", "device", "energy", "", "bound", "idle", "estimated", "mean power", "peak power",
    "use", "held back", "made from", "by samples", "step",
)  # fmt: skip
_ENERGY_NUMBERS = ("energy", "bound", "idle", "estimated", "mean power", "peak power", "use",
                   "held back", "by samples")  # fmt: skip


def _energy_words(job: Job, figures: Totals) -> str:
    total = "not measured" if figures.energy_j is None else joules(figures.energy_j)
    names = {u.device.name for step in job.steps for node in step.nodes for u in node.devices}
    models = ", ".join(sorted(plain(name, 80) for name in names)[:_MOST_MODELS])
    of_models = f" ({models})" if models else ""
    words = f"{total} by {metered_gpus(figures)}{of_models}, idle time included."
    if figures.energy_bound_j is not None:
        words += f" The true figure is within {joules(figures.energy_bound_j)} of it."
    elif figures.energy_j is not None:
        words += " How far the true figure is from it is not known for all of them."
    if figures.idle_energy_j is not None and figures.energy_j:
        share = figures.idle_energy_j / figures.energy_j
        words += f" {joules(figures.idle_energy_j)} ({share:.0%}) while no kernel ran."
    if figures.energy_second_j is not None and figures.energy_j:
        share = figures.energy_second_j / figures.energy_j - 1
        words += f" Power samples instead of counters: {share:+.1%}."
    if figures.measured_energy_j is not None and figures.measured_scopes != ("gpu",):
        kinds = ", ".join(figures.measured_scopes)
        words += f" All that was measured ({kinds}): {joules(figures.measured_energy_j)}."
    return words


def _number(step: int, job: Job) -> str:
    """Return a step's number where there are several."""
    return str(step) if len(job.steps) > 1 else ""


def _energy_cells(step: str, node: NodeExecution, use: DeviceUse, most_j: float) -> list[str]:
    device = use.device
    is_gpu = device.kind == "gpu"
    name = f"GPU {device.index}" if is_gpu else f"{device.kind} {device.name}"
    known = use.energy_j is not None
    peak_w = use.peak_power_w
    return [
        plain(node.name, 80),
        plain(name, 80),
        joules(use.energy_j) if use.energy_j is not None else "not measured",
        _bar((use.energy_j or 0.0) / most_j, (use.idle_energy_j or 0.0) / most_j),
        "" if use.energy_bound_j is None else f"\u00b1 {joules(use.energy_bound_j)}",
        "" if use.idle_energy_j is None else joules(use.idle_energy_j),
        joules(use.energy_estimated_j) if known else "",
        _stat(use.power, "mean", 1, " W"),
        f"{peak_w:,.0f} W" if peak_w is not None else _stat(use.power, "maximum", 1, " W"),
        _stat(use.utilisation, "mean", 100, "%"),
        _share(use.throttled_share),
        plain(use.energy_source),
        "" if use.energy_disagreement is None else f"{use.energy_disagreement:+.1%}",
        step,
    ]


def _bar(share: float, idle_share: float) -> Markup:
    """Return a bar as long as a share of the longest; the idle part of it, at its end, is paler."""
    width = max(1, min(100, round(100 * share)))
    idle = max(0, min(width, round(100 * idle_share)))
    return tag(
        "svg",
        [
            tag("rect", x=0, y=0, width=width - idle, height=10),
            tag("rect", x=width - idle, y=0, width=idle, height=10, class_="idle"),
        ],
        class_="bar", width=100, height=10, aria_hidden="true",
    )  # fmt: skip


def nodes(job: Job) -> Markup:
    """Return what each node did, the least used first."""
    found = [(step, node) for step in job.steps for node in step.nodes]
    rows = sorted(found, key=lambda pair: mean_use(pair[1]))
    words = count(len(found), "node execution") + ", the least used first."
    if len(rows) > MAX_ROWS:
        words += f" {MAX_ROWS} are shown."
    cells = []
    for step, node in rows[:MAX_ROWS]:
        figures = totals([node])
        ended = (
            ""
            if node.started_ms is None or node.ended_ms is None
            else duration((node.ended_ms - node.started_ms) / 1000)
        )
        endings = ", ".join(_ending(how, n) for how, n in figures.task_endings.items())
        cells.append(
            [
                plain(node.name, 80), _number(step.number, job), str(figures.tasks), endings, ended,
                _share(figures.mean_utilisation), _share(figures.mean_cpu),
                memory(figures.max_node_memory_b),
                "" if figures.energy_j is None else joules(figures.energy_j),
                _share(figures.idle_energy_j / figures.energy_j)
                if figures.idle_energy_j is not None and figures.energy_j else "",
                "whole" if node.complete else "cut with its step" if node.ended_with_step
                else "up to its last sample",
            ]
        )  # fmt: skip
    head_cells = ("node", "step", "tasks", "ended with", "time", "GPU use", "CPU", "memory peak",
                  "GPU energy", "of it idle", "record")  # fmt: skip
    numbers = [name for name in head_cells if name not in ("node", "ended with", "record")]
    return section(
        "nodes", "Nodes", tag("p", words),
        filled_table(head_cells, cells, "Nodes", numbers),
    )  # fmt: skip


def _ending(how: str, number: int) -> str:
    words = f"exit {how}" if how.isdigit() else plain(how)
    return words if number == 1 else f"{number:,} \u00d7 {words}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def provenance(graph: Graph) -> Markup:
    """Return the collapsed graph and the panel in which a box opens."""
    elements = sum(box.count for box in graph.boxes)
    words = (
        f"{elements:,} elements of the document in {len(graph.boxes)} boxes, by kind; time flows "
        "from left to right. A box opens by a click, or Enter, and shows what it is joined to."
    )
    legend = [
        tag("span", name, class_=f"key {kind}")
        for kind, name in (("activity", "activities"), ("entity", "things"), ("agent", "agents"))
    ]
    return section(
        "provenance",
        "Provenance",
        tag("p", [words, " ", *legend]),
        tag("div", graph_svg(graph), class_="scroll picture", tabindex="0", role="region",
            aria_label="Provenance graph"),
        tag("div", None, id="box", aria_live="polite"),
    )  # fmt: skip
