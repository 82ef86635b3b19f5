"""A chart as an SVG file of its own, for papers and slides: no script, no font but the reader's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any

from yprov_run.report.graph import Graph
from yprov_run.report.markup import Markup, raw, tag
from yprov_run.report.picture import graph_svg

_WIDTH, _HEIGHT = 900, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 36, 44
_LEGEND_ROW, _LEGEND_COLUMNS, _MOST_LEGEND = 18, 3, 30
_COLOURS = (
    "#1f6fd0", "#d9600a", "#1a8f5a", "#a63fa0", "#9a7b00", "#0f93a8", "#c92c4e", "#6a6f78",
)  # fmt: skip
_DASHES = ("", "6 3", "2 2", "8 3 2 3")
_TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
_STYLE = (
    "text{font:12px system-ui,'DejaVu Sans',sans-serif;fill:#1a1f27}.t{font-size:14px;"
    "font-weight:600}.g{stroke:#d9dee5}.m{stroke:#5a6472;stroke-dasharray:4 4}"
)
_GRAPH_STYLE = (
    "text{font:12px system-ui,'DejaVu Sans',sans-serif;text-anchor:middle;fill:#1a1f27}"
    ".count{font-weight:600}.what{font-size:11px;fill:#5a6472}.box rect{stroke-width:1.4}"
    ".activity rect{fill:#dbe7fb;stroke:#3f6fbf}.entity rect{fill:#fdf1cf;stroke:#b98900}"
    ".agent rect{fill:#f9dfd0;stroke:#c2602a}.edge path{fill:none;stroke:#5a6472}"
    "marker path{fill:#5a6472}"
)

Chart = dict[str, Any]
Scale = Callable[[float], float]


def plot_svg(chart: Chart, marks: Sequence[dict[str, Any]]) -> str:
    """Return one of the page's charts as a whole SVG file; marks are its events."""
    lines = chart["lines"]
    start_s = float(chart["start"]) / 1000
    end_s = start_s + float(chart["count"] * chart["step"]) / 1000
    highest = max(
        (value for line in lines for value in line["values"] if value is not None), default=1.0
    )
    top = 100.0 if chart["unit"] == "%" else max(float(highest) * 1.05, 1e-9)
    rows = -(-min(len(lines), _MOST_LEGEND) // _LEGEND_COLUMNS)
    height = _HEIGHT + rows * _LEGEND_ROW

    def x(time_s: float) -> float:
        return _LEFT + (time_s - start_s) / (end_s - start_s) * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _TOP + (1 - value / top) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        tag("style", raw(_STYLE)),
        tag("rect", width=_WIDTH, height=height, fill="#fff"),
        tag("text", f"{chart['title']} ({chart['unit']})", x=_LEFT, y=20, class_="t"),
        *_value_axis(top, y),
        *_time_axis(start_s, end_s, x),
        *(
            tag("line", x1=f"{x(at):.1f}", x2=f"{x(at):.1f}", y1=_TOP, y2=_HEIGHT - _BOTTOM,
                class_="m")
            for at in (mark["time"] / 1000 for mark in marks)
            if start_s <= at <= end_s
        ),
        *(_line(place, line, chart, x, y) for place, line in enumerate(lines)),
        *(_legend(place, line) for place, line in enumerate(lines[:_MOST_LEGEND])),
    ]  # fmt: skip
    picture = tag(
        "svg", parts, xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {_WIDTH} {height}",
        width=_WIDTH, height=height, role="img",
    )  # fmt: skip
    return f"{picture}\n"


def _line(place: int, line: Chart, chart: Chart, x: Scale, y: Scale) -> Markup:
    """Return a line as a path; a hole of more than two buckets breaks it."""
    commands: list[str] = []
    last = None
    for index, value in enumerate(line["values"]):
        if value is None:
            continue
        at_s = (chart["start"] + (index // 2 + index % 2 / 2) * chart["step"]) / 1000
        joined = last is not None and index - last <= 6
        commands.append(f"{'L' if joined else 'M'}{x(at_s):.1f} {y(value):.1f}")
        last = index
    return tag(
        "path", d="".join(commands), fill="none", stroke=_COLOURS[place % len(_COLOURS)],
        stroke_width=1.4, stroke_dasharray=_dash(place),
    )  # fmt: skip


def _dash(place: int) -> str | None:
    return _DASHES[place // len(_COLOURS) % len(_DASHES)] or None


def _legend(place: int, line: Chart) -> Markup:
    left = _LEFT + place % _LEGEND_COLUMNS * (_WIDTH - _LEFT) // _LEGEND_COLUMNS
    top = _HEIGHT - 4 + place // _LEGEND_COLUMNS * _LEGEND_ROW
    colour = _COLOURS[place % len(_COLOURS)]
    return tag(
        "g",
        [
            tag("line", x1=left, x2=left + 24, y1=top - 4, y2=top - 4, stroke=colour,
                stroke_width=2.5, stroke_dasharray=_dash(place)),
            tag("text", str(line["label"])[:40], x=left + 30, y=top),
        ],
    )  # fmt: skip


def _value_axis(top: float, y: Scale) -> list[Markup]:
    step = 10 ** math.floor(math.log10(top / 2))
    step = next(step * factor for factor in (1, 2, 5, 10, 20, 50) if top / (step * factor) <= 6)
    parts = []
    for count in range(int(top / step) + 1):
        value = count * step
        at = f"{y(value):.1f}"
        parts += [
            tag("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=at, y2=at, class_="g"),
            tag("text", f"{value:g}", x=_LEFT - 8, y=f"{y(value) + 4:.1f}", text_anchor="end"),
        ]
    return parts


def _time_axis(start_s: float, end_s: float, x: Scale) -> list[Markup]:
    step = next((tick for tick in _TICKS_S if (end_s - start_s) / tick <= 8), _TICKS_S[-1])
    parts = []
    at_s = float(math.ceil(start_s / step) * step)
    form = "%H:%M:%S" if step < 60 else "%H:%M" if step < 86400 else "%m-%d"
    while at_s <= end_s:
        moment = datetime.fromtimestamp(at_s, timezone.utc)
        at = f"{x(at_s):.1f}"
        parts += [
            tag("line", x1=at, x2=at, y1=_TOP, y2=_HEIGHT - _BOTTOM, class_="g"),
            tag("text", moment.strftime(form), x=at, y=_HEIGHT - _BOTTOM + 17,
                text_anchor="middle"),
        ]  # fmt: skip
        at_s += max(step, (end_s - start_s) / 50)
    day = datetime.fromtimestamp(start_s, timezone.utc)
    words = f"{day:%Y-%m-%d}, UTC"
    return [
        *parts,
        tag("text", words, x=_WIDTH - _RIGHT, y=20, text_anchor="end"),
    ]


def graph_file(graph: Graph) -> str:
    """Return the provenance graph as a whole SVG file."""
    return f"{graph_svg(graph, _GRAPH_STYLE)}\n"
