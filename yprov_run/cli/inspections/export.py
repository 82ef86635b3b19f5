"""yprov-inspect export: another format of PROV, or the main chart or the graph as an SVG file."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from yprov_run.audience import EVERYBODY, mode_of
from yprov_run.cli.common import JobReference, JobsFolder
from yprov_run.cli.completing import one_of
from yprov_run.cli.inspections.check import find_document
from yprov_run.cli.provformat import Format, converted
from yprov_run.errors import YprovError
from yprov_run.jobdir import JobDir
from yprov_run.merge.read import read_job
from yprov_run.report.chartdata import chart_data, marks
from yprov_run.report.graph import collapse
from yprov_run.report.plot import graph_file, plot_svg
from yprov_run.report.reading import document_of, find
from yprov_run.report.series import CHARTS, timeline


def export(
    job: JobReference,
    directory: JobsFolder = Path("yprov"),
    plot: Annotated[bool, typer.Option("--plot", help="A chart over time, as SVG.")] = False,
    graph: Annotated[
        bool, typer.Option("--graph", help="The provenance graph, collapsed by kind, as SVG.")
    ] = False,
    form: Annotated[
        Format | None, typer.Option("--format", help="Another format of W3C PROV.")
    ] = None,
    quantity: Annotated[
        str | None,
        typer.Option(
            help=f"What to plot: {', '.join(CHARTS)}. [default: the first]",
            autocompletion=one_of(*CHARTS),
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The file. [default: standard output]")
    ] = None,
) -> None:
    """Write the document in another format, or a chart or the graph as SVG, for papers and slides.

    With --format, JOB may also be any PROV-JSON file.
    """
    if plot + graph + (form is not None) != 1:
        raise YprovError("give one of --format, --plot and --graph")
    if quantity is not None and not plot:
        raise YprovError("--quantity is for --plot")
    mode = EVERYBODY
    if form is not None:
        source = find_document(job, directory)
        text, mode = converted(source, form), mode_of(source)
    else:
        text = _drawn(find(job, directory), graph, quantity)
    if output is None:
        sys.stdout.write(text)
        return
    try:
        # A new file is for nobody who may not read the document.
        fd = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with open(fd, "w", encoding="utf-8") as stream:  # noqa: PTH123 - it is open already
            stream.write(text)
    except OSError as error:
        raise YprovError(f"{output}: {error.strerror}") from error


def _drawn(found: JobDir, graph: bool, quantity: str | None) -> str:
    """Return the graph, or the chart of a quantity, as SVG."""
    if graph:
        return graph_file(collapse(document_of(found)))
    if not found.is_ours():
        raise YprovError(f"{found.path}: a chart needs the samples, and there is no record/ here")
    model = read_job(found)
    line = timeline(model, found.path)
    charts = {str(chart["id"]): chart for chart in (chart_data(line) if line else [])}
    name = quantity or next(iter(charts), "")
    if name not in charts:
        there = ", ".join(charts) or "no samples at all"
        raise YprovError(f"--quantity {name!r}: the job has {there}")
    return plot_svg(charts[name], marks(model))
