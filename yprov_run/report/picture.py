"""The provenance graph as SVG: for the page, and as a file of its own."""

from __future__ import annotations

from yprov_run.report.graph import BOX_HEIGHT, BOX_WIDTH, Box, Edge, Graph
from yprov_run.report.markup import Markup, join, tag

_LONGEST_LABEL = 22
_ROUND = {"entity": 16, "activity": 2, "agent": 8}


def graph_svg(graph: Graph, standalone_style: str = "") -> Markup:
    """Return the graph as an SVG element; with a style of its own where it stands alone."""
    own = {"xmlns": "http://www.w3.org/2000/svg"} if standalone_style else {}
    return tag(
        "svg",
        [
            tag("style", Markup(standalone_style)) if standalone_style else Markup(""),
            _arrow(),
            *(_edge(graph, edge) for edge in graph.edges),
            *(_box(number, box) for number, box in enumerate(graph.boxes)),
        ],
        viewBox=f"0 0 {graph.width} {graph.height}",
        width=graph.width,
        height=graph.height,
        class_="graph",
        role="group",
        aria_label="Provenance graph, collapsed by kind",
        **own,
    )


def _arrow() -> Markup:
    marker = tag(
        "marker",
        tag("path", d="M0 0L8 4L0 8z"),
        id="arrow", viewBox="0 0 8 8", refX=8, refY=4, markerWidth=7, markerHeight=7, orient="auto",
        markerUnits="userSpaceOnUse",
    )  # fmt: skip
    return tag("defs", marker)


def _box(number: int, box: Box) -> Markup:
    label = box.label
    if len(label) > _LONGEST_LABEL:
        label = label[: _LONGEST_LABEL - 1] + "\u2026"
    middle = box.x + BOX_WIDTH // 2
    return tag(
        "g",
        [
            tag("title", f"{box.count} {box.kind}: {box.label}"),
            tag("rect", x=box.x, y=box.y, width=BOX_WIDTH, height=BOX_HEIGHT, rx=_ROUND[box.kind]),
            tag("text", label, x=middle, y=box.y + 20),
            tag("text", f"{box.count:,}", x=middle, y=box.y + 37, class_="count"),
        ],
        class_=f"box {box.kind}",
        data_box=number,
        tabindex=0,
        role="button",
        aria_expanded="false",
        aria_label=f"{box.label}: {box.count}",
    )


def _edge(graph: Graph, edge: Edge) -> Markup:
    source, target = graph.boxes[edge.source], graph.boxes[edge.target]
    y1, y2 = source.y + BOX_HEIGHT // 2, target.y + BOX_HEIGHT // 2
    if target.x > source.x:
        x1, x2 = source.x + BOX_WIDTH, target.x
        bend = max(24, (x2 - x1) // 2)
        path = f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
    else:  # within a layer, or back
        x1, x2 = source.x + BOX_WIDTH // 2, target.x + BOX_WIDTH // 2
        down = target.y >= source.y
        y1, y2 = source.y + (BOX_HEIGHT if down else 0), target.y + (0 if down else BOX_HEIGHT)
        path = f"M{x1} {y1}C{x1} {(y1 + y2) // 2} {x2} {(y1 + y2) // 2} {x2} {y2}"
    words = f"{edge.relation}: {source.label} \u2192 {target.label}, {edge.count:,}"
    return tag(
        "g",
        join([tag("title", words), tag("path", d=path, marker_end="url(#arrow)")]),
        class_="edge",
        data_ends=f"{edge.source} {edge.target}",
    )
