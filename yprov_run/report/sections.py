"""The page's sections on what ran: head, time, energy, nodes, provenance."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from yprov_run.merge.totals import totals
from yprov_run.model import ColumnStats, DeviceUse, Job, Json, NodeExecution, Step
from yprov_run.report.graph import Graph
from yprov_run.report.markup import Markup, definitions, join, table, tag
from yprov_run.report.picture import graph_svg
from yprov_run.report.series import Timeline
from yprov_run.report.summary import state_words, summary, tone
from yprov_run.report.words import count, duration, joules, memory, moment, plain

MAX_ROWS = 200


def section(identifier: str, title: str, *content: str) -> Markup:
    """Return a section of the page with its heading."""
    return tag(
        "section",
        [tag("h2", title, id=f"{identifier}-title"), *content],
        id=identifier,
        aria_labelledby=f"{identifier}-title",
    )


def head(job: Job, links: Sequence[tuple[str, str]], advice: Sequence[str]) -> Markup:
    """Return the summary, the advice, the commands and where everything is."""
    lines = summary(job)
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
        definitions((line.label, line.words) for line in lines[1:]),
    ]
    if advice:
        heading = tag("h2", "What to do better", id="advice-title")
        items = tag("ul", [tag("li", words) for words in advice])
        parts.append(tag("section", [heading, items], id="advice", class_="advice"))
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


def _command(step: Step) -> Markup:
    line = " ".join(map(shlex.quote, step.argv))
    words = f"step {step.number}: {state_words(step.ending)}"
    if step.started_ms is not None and step.ended_ms is not None:
        words += f", {duration((step.ended_ms - step.started_ms) / 1000)}"
    return tag(
        "li",
        [
            tag("code", plain(line, 2_000)),
            " ",
            tag("span", words, class_=f"state {tone(step.ending.state)}"),
        ],
    )


def time(line: Timeline | None, marks: Sequence[Json]) -> Markup:
    """Return the places of the charts, and the marks as a list that any reader can read."""
    if line is None:
        return section("time", "Over time", tag("p", "No samples were recorded."))
    words = (
        f"Each line shows the lowest and the highest sample of every "
        f"{duration(line.bucket_ms / 1000)}. Drag to zoom, double-click to see all; or with the "
        "keyboard: arrows move, + and - zoom, 0 shows all."
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


def energy(job: Job) -> Markup:
    """Return the energy per device, largest first, with how each figure was made."""
    rows: list[tuple[float, int, NodeExecution, DeviceUse]] = []
    for step in job.steps:
        for node in step.nodes:
            rows += [(use.energy_j or 0.0, step.number, node, use) for use in node.devices]
    if not rows:
        return section("energy", "Energy", tag("p", "No device's energy was recorded."))
    rows.sort(key=lambda row: -row[0])
    most = rows[0][0] or 1.0
    figures = totals([node for step in job.steps for node in step.nodes])
    total = "not measured" if figures.energy_j is None else joules(figures.energy_j)
    words = f"{total} by {count(figures.gpus, 'GPU')}, idle time included."
    if len(rows) > MAX_ROWS:
        words += f" The {MAX_ROWS} largest are shown; all are in the document."
    cells = [
        [
            plain(node.name, 80), f"GPU {use.device.index}", plain(use.device.name, 80),
            "not measured" if use.energy_j is None else joules(use.energy_j),
            _bar(used / most),
            joules(use.energy_estimated_j) if use.energy_j is not None else "",
            _stat(use.power, "mean", 1, " W"), _stat(use.power, "maximum", 1, " W"),
            _stat(use.utilisation, "mean", 100, "%"),
            plain(use.energy_source), str(step),
        ]
        for used, step, node, use in rows[:MAX_ROWS]
    ]  # fmt: skip
    return section(
        "energy",
        "Energy",
        tag("p", words),
        table(
            ("node", "GPU", "model", "energy", "", "of it estimated", "mean power", "peak power",
             "mean use", "made from", "step"),
            cells, "Energy by device", numeric=(3, 5, 6, 7, 8),
        ),
    )  # fmt: skip


def _bar(share: float) -> Markup:
    width = max(1, min(100, round(100 * share)))
    return tag(
        "svg",
        tag("rect", x=0, y=0, width=width, height=10),
        class_="bar", width=100, height=10, aria_hidden="true",
    )  # fmt: skip


def nodes(job: Job) -> Markup:
    """Return what each node did, the least used first."""
    found = [(step, node) for step in job.steps for node in step.nodes]
    rows = []
    for step, node in found:
        figures = totals([node])
        use = figures.mean_utilisation
        order = use if use is not None else figures.mean_cpu if figures.mean_cpu is not None else 2
        rows.append((order, step, node, figures))
    rows.sort(key=lambda row: row[0])
    words = count(len(found), "node execution") + ", the least used first."
    if len(rows) > MAX_ROWS:
        words += f" {MAX_ROWS} are shown."
    cells = []
    for _, step, node, figures in rows[:MAX_ROWS]:
        ended = (
            ""
            if node.started_ms is None or node.ended_ms is None
            else duration((node.ended_ms - node.started_ms) / 1000)
        )
        endings = ", ".join(f"{n} x {plain(how)}" for how, n in figures.task_endings.items())
        cells.append(
            [
                plain(node.name, 80), str(step.number), str(figures.tasks), endings, ended,
                _share(figures.mean_utilisation), _share(figures.mean_cpu),
                memory(figures.max_node_memory_b),
                "" if figures.energy_j is None else joules(figures.energy_j),
                "whole" if node.complete else "cut with its step" if node.ended_with_step
                else "up to its last sample",
            ]
        )  # fmt: skip
    head_cells = ("node", "step", "tasks", "ended with", "time", "GPU use", "CPU", "memory peak",
                  "GPU energy", "record")  # fmt: skip
    return section(
        "nodes", "Nodes", tag("p", words),
        table(head_cells, cells, "Nodes", numeric=(1, 2, 4, 5, 6, 7, 8)),
    )  # fmt: skip


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def provenance(graph: Graph) -> Markup:
    """Return the collapsed graph and the panel in which a box opens."""
    elements = sum(box.count for box in graph.boxes)
    words = (
        f"{elements:,} elements of the document in {len(graph.boxes)} boxes, by kind; time flows "
        "from left to right. A box opens by a click, or Enter."
    )
    legend = [
        tag("span", name, class_=f"key {kind}")
        for kind, name in (("activity", "activities"), ("entity", "things"), ("agent", "agents"))
    ]
    return section(
        "provenance",
        "Provenance",
        tag("p", [words, " ", *legend]),
        tag("div", graph_svg(graph), class_="scroll", tabindex="0", role="region",
            aria_label="Provenance graph"),
        tag("div", None, id="box", aria_live="polite"),
    )  # fmt: skip
