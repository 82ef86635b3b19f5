"""The report of a job: one HTML file that needs no network and runs no script but its own."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import Any

from yprov_run.jobdir import JobDir
from yprov_run.report import inventory, sections
from yprov_run.report.chartdata import chart_data, marks
from yprov_run.report.graph import Graph, collapse
from yprov_run.report.markup import Markup, data, join, raw, tag
from yprov_run.report.overview import Overview
from yprov_run.report.series import timeline
from yprov_run.report.words import plain

_STYLES = ("uPlot.min.css", "report.css")
_SCRIPTS = ("uPlot.iife.min.js", "report.js")


def report(known: Overview, directory: JobDir, document: Mapping[str, Any]) -> str:
    """Return a job's page, made from its model, its samples and its document."""
    job, figures = known.job, known.figures
    line = timeline(job, directory.path)
    happened = marks(job)
    graph = collapse(document)
    body = join(
        [
            _navigation(),
            tag(
                "main",
                [
                    sections.head(known, _links(directory)),
                    sections.time(line, happened),
                    sections.energy(job, figures),
                    sections.nodes(job),
                    sections.provenance(graph),
                    inventory.environment(document, directory.path),
                    inventory.files(document),
                    inventory.gaps(job),
                    inventory.methods(document),
                ],
            ),
            inventory.footer(job),
            data("chart-data", [] if line is None else chart_data(line)),
            data("mark-data", happened),
            data("graph-data", _graph_data(graph)),
        ]
    )
    return page(f"{plain(job.name)} {plain(job.number)}", body)


# By this we know a page as ours, which we may replace.
GENERATOR = tag("meta", name="generator", content="yprov-run")


def page(title: str, body: str) -> str:
    """Return a whole page whose policy lets only its own style and scripts run."""
    style = "\n".join(map(_asset, _STYLES))
    scripts = [_asset(name) for name in _SCRIPTS]
    allowed = " ".join(f"'{_digest(script)}'" for script in scripts)
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src {allowed}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    top = tag(
        "head",
        [
            raw('<meta charset="utf-8"/>'),
            GENERATOR,
            tag("meta", http_equiv="Content-Security-Policy", content=policy),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="color-scheme", content="light dark"),
            tag("title", title),
            tag("style", raw(style)),
        ],
    )
    end = [tag("script", raw(script)) for script in scripts]
    return f"<!DOCTYPE html>\n{tag('html', [top, tag('body', [body, *end])], lang='en')}\n"


def _asset(name: str) -> str:
    return (resources.files("yprov_run.report") / "assets" / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _navigation() -> Markup:
    places = (
        ("time", "Time"), ("energy", "Energy"), ("nodes", "Nodes"), ("provenance", "Provenance"),
        ("environment", "Environment"), ("files", "Files"), ("gaps", "Gaps"),
        ("methods", "Methods"),
    )  # fmt: skip
    anchors = [tag("a", words, href=f"#{place}") for place, words in places]
    button = tag("button", "Light or dark", type="button", id="theme")
    return tag("nav", [*anchors, button], class_="top", aria_label="Sections")


def _links(directory: JobDir) -> list[tuple[str, str]]:
    found = [(directory.document.name, "document")]
    for folder in (directory.metrics, directory.artifacts, directory.record):
        if folder.is_dir():
            found.append((f"{folder.name}/", folder.name))
    return found


def _graph_data(graph: Graph) -> object:
    return [
        {
            "label": plain(box.label),
            "kind": box.kind,
            "count": box.count,
            "members": [
                [plain(label), [[plain(name), plain(value, 500)] for name, value in attributes]]
                for label, attributes in box.members
            ],
        }
        for box in graph.boxes
    ]
