"""The summary of a job on one screen: readable without colour, at 80 columns, in a log file."""

from __future__ import annotations

import textwrap
from pathlib import Path

from rich.console import Console
from rich.text import Text

from yprov_run.model import Job
from yprov_run.report.overview import Overview
from yprov_run.report.summary import summary
from yprov_run.report.words import plain

_LOG_WIDTH = 80
_LABEL_WIDTH = 12
_MAX_GAPS = 8
_STYLES = {"good": "green", "open": "yellow", "bad": "red"}


def print_summary(
    known: Overview, document: Path, console: Console, report: Path | None = None
) -> None:
    """Print how a job went, what to do better, what is missing, and where the rest is."""
    job = known.job
    console.print(_rule(console, f"yprov-run: {plain(job.name)} {plain(job.number)}"))
    for line in summary(job, known.figures):
        _print_line(console, line.label, Text(line.words, style=_STYLES.get(line.tone, "")))
    for words in known.advice:
        _print_advice(words, console)
    _print_gaps(job, console)
    if document.is_file():  # not yet where the job runs
        _print_line(console, "document", Text(plain(str(document))))
    if report is not None and report.is_file():
        _print_line(console, "report", Text(plain(str(report))))


class _Aside(Console):
    """A console for stderr: that nobody reads it ends nothing."""

    def on_broken_pipe(self) -> None:
        """Be silent from now on."""
        self.quiet = True


def make_console(stream_is_stderr: bool) -> Console:
    """Return a console for stderr or stdout; in a log file it writes plain text, 80 wide."""
    kind = _Aside if stream_is_stderr else Console
    console = kind(stderr=stream_is_stderr, highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console = kind(
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


def _print_advice(words: str, console: Console) -> None:
    """Print one piece of advice, broken between words, never wider than a log's lines."""
    width = min(console.width, _LOG_WIDTH) - _LABEL_WIDTH
    first, *rest = textwrap.wrap(words, max(20, width), break_on_hyphens=False) or [""]
    _print_line(console, "advice", Text(first, style="cyan"))
    for line in rest:
        _print_line(console, "", Text(line, style="cyan"))


def _rule(console: Console, title: str) -> Text:
    width = min(console.width, _LOG_WIDTH)
    return Text(f"-- {title} ".ljust(width, "-")[: max(width, len(title) + 4)], style="dim")


def _print_gaps(job: Job, console: Console) -> None:
    for gap in job.gaps[:_MAX_GAPS]:
        words = f"{plain(gap.where)}: {plain(gap.what)}"
        _print_line(console, "missing", Text(words, style="yellow"))
    if len(job.gaps) > _MAX_GAPS:
        words = f"{len(job.gaps) - _MAX_GAPS} more, all in the document"
        _print_line(console, "missing", Text(words, style="yellow"))
