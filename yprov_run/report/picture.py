"""The provenance graph as SVG: for the page, and as a file of its own."""

from __future__ import annotations

from yprov_run.report.graph import Box, Edge, Graph
from yprov_run.report.layout import BOX_HEIGHT, BOX_WIDTH
from yprov_run.report.markup import Markup, join, tag
from yprov_run.report.words import plain

_LONGEST_LABEL, _LONGEST_NAME = 24, 19  # small, and bold
_WIDE = 900
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
        class_="graph wide" if graph.width > _WIDE else "graph",
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
    """Return a box with what it is, and how many; of one thing, which it is."""
    middle = box.x + BOX_WIDTH // 2
    which = plain(box.members[0][0]) if box.count == 1 else f"{box.count:,}"
    return tag(
        "g",
        [
            tag("title", f"{box.label}: {which}"),
            tag("rect", x=box.x, y=box.y, width=BOX_WIDTH, height=BOX_HEIGHT, rx=_ROUND[box.kind]),
            tag("text", _short(box.label, _LONGEST_LABEL), x=middle, y=box.y + 19, class_="what"),
            tag("text", _short(which, _LONGEST_NAME), x=middle, y=box.y + 36, class_="count"),
        ],
        class_=f"box {box.kind}",
        data_box=number,
        tabindex=0,
        role="button",
        aria_expanded="false",
        aria_label=f"{box.label}: {which}",
    )


def _short(label: str, longest: int) -> str:
    return label if len(label) <= longest else label[: longest - 1] + "\u2026"


def _edge(graph: Graph, edge: Edge) -> Markup:
    source, target = graph.boxes[edge.source], graph.boxes[edge.target]
    y1, y2 = source.y + BOX_HEIGHT // 2, target.y + BOX_HEIGHT // 2
    if target.x > source.x:
        path = f"M{source.x + BOX_WIDTH} {y1}"
        x1 = source.x + BOX_WIDTH
        for x2, y in (*edge.via, (target.x, y2)):
            bend = max(24, (x2 - x1) // 2)
            path += f"C{x1 + bend} {y1} {x2 - bend} {y} {x2} {y}"
            x1, y1 = x2, y
            if (x2, y) in edge.via:
                x1 += BOX_WIDTH
                path += f"H{x1}"
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
