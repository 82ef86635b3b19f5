"""yprov-inspect diff: what is different between two jobs, most telling first."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from yprov_run.cli.common import JobsFolder
from yprov_run.cli.completing import jobs
from yprov_run.report.changes import (
    Change,
    Comparison,
    Untold,
    argument_changes,
    as_json,
    compare,
)
from yprov_run.report.changes import is_command as is_of_a_command
from yprov_run.report.columns import Cell, Column, print_columns
from yprov_run.report.reading import document_of, find
from yprov_run.report.terminal import make_console
from yprov_run.report.words import plain

_SHOWN = 30
_DIGITS = 12
_TELLING_PERCENT = 0.5
_KEY, _VALUE = 60, 200  # characters that are shown
_BEFORE = 20  # of what two long texts begin with alike


def diff(
    first: Annotated[
        str, typer.Argument(metavar="A", help="A job's directory or id.", autocompletion=jobs)
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="Another's.", autocompletion=jobs)],
    directory: JobsFolder = Path("yprov"),
    show_all: Annotated[
        bool, typer.Option("--all", help=f"More than {_SHOWN} of a kind, and circumstances.")
    ] = False,
    as_json_: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show what changed from A to B: what they ran with, then what came of it.

    Exit status 1 if they differ in what matters for doing it again (code, arguments, environment,
    modules, packages, inputs, hardware), or where one of these was not captured and cannot be
    told; 0 if only in circumstances such as node names.
    """
    one, other = find(first, directory), find(second, directory)
    found = compare(document_of(one), document_of(other), (one.path, other.path))
    if as_json_:
        print(json.dumps(as_json(found), indent=1))
    else:
        _print(found, make_console(stream_is_stderr=False), show_all)
    if found.differs or found.untold:
        raise typer.Exit(1)


def _print(found: Comparison, console: Console, show_all: bool) -> None:
    sections = dict.fromkeys(change.section for change in found.changes)
    for section in sections:
        changes = [change for change in found.changes if change.section == section]
        if section == "circumstances" and not show_all:
            continue
        console.print(Text(section, style="bold"))
        for change in changes if show_all else changes[:_SHOWN]:
            _print_change(change, console)
        if len(changes) > _SHOWN and not show_all:
            console.print(Text(f"  {len(changes) - _SHOWN} more; --all lists them"))
    if found.untold:
        console.print(
            Text(f"cannot be told: {_untold_words(found.untold)}", style="yellow"), soft_wrap=True
        )
    elif not found.differs:
        console.print(Text("the same in all that matters for doing it again", style="green"))
    equal = ", ".join(f"{number} {section}" for section, number in found.equal.items() if number)
    console.print(Text(f"equal: {equal or 'nothing'}"), soft_wrap=True)
    hidden = sum(change.section == "circumstances" for change in found.changes)
    if hidden and not show_all:
        console.print(Text(f"circumstances that differ: {hidden}; --all lists them"))
    columns = (Column("results"), Column("A", right=True), Column("B", right=True),
               Column("", right=True))  # fmt: skip
    rows = []
    for result in found.results:
        percent = "" if result.ratio is None else f"{100 * (result.ratio - 1):+.1f}%"
        telling = bool(percent) and abs(100 * (result.ratio or 1) - 100) >= _TELLING_PERCENT
        style = "bold" if telling or result.first != result.second else ""
        first, second = _short(result.first), _short(result.second)
        rows.append([Cell(plain(result.name, _KEY)), Cell(first or ""), Cell(second or ""),
                     Cell(percent if telling else "", style)])  # fmt: skip
    print_columns(console, columns, rows)


def _untold_words(untold: Sequence[Untold]) -> str:
    """Return `code, packages (not captured of A); inputs (not captured of A and B)`."""
    by_jobs: dict[str, list[str]] = {}
    for section, first, second in untold:
        jobs = " and ".join(name for name, lacks in (("A", first), ("B", second)) if lacks)
        by_jobs.setdefault(jobs, []).append(section)
    return "; ".join(
        f"{', '.join(sections)} (not captured of {jobs})" for jobs, sections in by_jobs.items()
    )


def _print_change(change: Change, console: Console) -> None:
    pairs = [(change.first, change.second)]
    if is_of_a_command(change):
        pairs = list(argument_changes(change.first, change.second))
    key = plain(change.key if len(change.key) <= _KEY else f"\u2026{change.key[1 - _KEY :]}")
    for pair in pairs:
        first, second = _apart(*map(_short, pair))
        if first is None:
            line = Text(f"  + {key}: {second}", style="green")
        elif second is None:
            line = Text(f"  - {key}: {first}", style="red")
        else:
            line = Text(f"  {key}: {first} -> {second}")
        console.print(line, soft_wrap=True)


def _apart(first: str | None, second: str | None) -> tuple[str | None, str | None]:
    """Return texts as they are shown: of two long ones the part where they differ."""
    same = 0
    if first is not None and second is not None and max(len(first), len(second)) > _VALUE:
        alike = itertools.takewhile(
            lambda pair: pair[0] == pair[1], zip(first, second, strict=False)
        )
        same = max(0, sum(1 for _ in alike) - _BEFORE)
    shown = [
        None
        if text is None
        else plain((f"\u2026{text[same:]}" if same else text) or "(empty)", _VALUE)
        for text in (first, second)
    ]
    return shown[0], shown[1]


def _short(text: str | None) -> str | None:
    """Return a checksum's first digits, which tell it from any other; --json has all of it."""
    if text is not None and text.startswith("sha256 "):
        return text[: len("sha256 ") + _DIGITS]
    return text
