"""Tables on a terminal: whole cells while there is room, then fewer columns, then shorter ones."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from yprov_run.numerals import of_digits
from yprov_run.report.words import plain

_GAP = 2
_SHORTEST = 12
_ENDLESS = 100_000


class Column(NamedTuple):
    """A column: its heading, whether it is set to the right, and when it is left out.

    `priority` 0 stays whatever happens; of the others the highest goes first. `flexible` may be
    cut short.
    """

    title: str
    right: bool = False
    priority: int = 0
    flexible: bool = False


class Cell(NamedTuple):
    """A text and its style; the style says nothing that the text does not."""

    text: str
    style: str = ""


def width_of(console: Console) -> int:
    """Return the columns there are: a terminal's, COLUMNS elsewhere, else no end of them."""
    if console.is_terminal:
        return console.width
    return of_digits(os.environ.get("COLUMNS", "")) or _ENDLESS


def print_columns(
    console: Console,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
    width: int | None = None,
) -> None:
    """Print a table that fits the width: hostile texts are made plain here."""
    cells = [[Cell(plain(cell.text), cell.style) for cell in row] for row in rows]
    room = width_of(console) if width is None else width
    sizes = [
        max(cell_len(column.title), *(cell_len(row[place].text) for row in cells), 0)
        for place, column in enumerate(columns)
    ]
    kept = _kept(columns, sizes, room)
    _shorten(columns, sizes, kept, room)
    heading = [Cell(column.title, "bold") for column in columns]
    for row in [heading, *cells]:
        line = Text()
        for place in kept:
            line.append_text(_set(row[place], sizes[place], columns[place].right))
            line.append(" " * _GAP)
        line.rstrip()
        console.print(line, soft_wrap=True)


def _total(sizes: Sequence[int], kept: Sequence[int]) -> int:
    return sum(sizes[place] + _GAP for place in kept) - _GAP


def _kept(columns: Sequence[Column], sizes: Sequence[int], room: int) -> list[int]:
    kept = list(range(len(columns)))
    least = [
        min(size, _SHORTEST) if column.flexible else size
        for column, size in zip(columns, sizes, strict=True)
    ]
    while _total(least, kept) > room:
        droppable = [place for place in kept if columns[place].priority]
        if not droppable:
            break
        kept.remove(max(droppable, key=lambda place: columns[place].priority))
    return kept


def _shorten(columns: Sequence[Column], sizes: list[int], kept: Sequence[int], room: int) -> None:
    """Take what is too much from the longest flexible column, again and again."""
    flexible = [place for place in kept if columns[place].flexible]
    while flexible and _total(sizes, kept) > room:
        longest = max(flexible, key=lambda place: sizes[place])
        if sizes[longest] <= 1:
            break
        sizes[longest] -= 1


def _set(cell: Cell, size: int, right: bool) -> Text:
    text = cell.text
    if cell_len(text) > size:
        text = set_cell_size(text, max(0, size - 1)).rstrip() + "\u2026"
    padding = " " * max(0, size - cell_len(text))
    return Text(padding + text if right else text + padding, style=cell.style)
