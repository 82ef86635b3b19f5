"""The samples of one node as CSV: a header with units, then a row of integers per sample.

The first column is `time_ms`, monotonic, since the trace began; an empty cell is "no valid
sample". Counters count from their first sample. Every row stands for itself: it counts only when it
ends in a newline and has every column, so that a torn tail is recognised, and a reader may begin
anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from yprov_run.measures import Column
from yprov_run.trace.digest import Digest
from yprov_run.trace.opening import open_plain

TIME = "time_ms"
_MAX_LINE = 1 << 20
_MAX_BYTES = 16 << 30  # a month at ten samples a second
_MAX_DIGITS = 20

Row = tuple[int, list[int | None]]


def header(columns: Sequence[Column]) -> str:
    """Return the CSV header of these columns."""
    return ",".join([TIME, *(column.name for column in columns)])


def row(time_ms: int, values: Sequence[int | None]) -> str:
    """Return one sample as a CSV line, without its newline."""
    return ",".join([str(time_ms), *("" if value is None else str(value) for value in values)])


@dataclass
class ReadReport:
    """What a reader met: good rows, lines that are no rows, and all its bytes if it is to sum them.

    An agent may write on meanwhile: rows and checksum are of the same bytes.
    """

    rows: int = 0
    damaged: int = 0
    torn: bool = False
    digest: Digest | None = None
    size_bytes: int = 0


def read_rows(path: Path, width: int, report: ReadReport) -> Iterator[Row]:
    """Yield (time in ms, `width` values) for each good row; count the rest in the report.

    Memory is bounded by one line, whatever the file holds. Raises OSError if it cannot be read.
    """
    with open_plain(path, _MAX_BYTES) as stream:
        first = True
        while line := stream.readline(_MAX_LINE):
            if report.digest is not None:
                report.digest.update(line)
                report.size_bytes += len(line)
            if not line.endswith(b"\n"):
                report.torn = True
                if len(line) < _MAX_LINE:
                    return
                continue
            if first and line.startswith(TIME.encode()):
                first = False
                continue
            first = False
            parsed = _parse(line, width)
            if parsed is None:
                report.damaged += 1
            else:
                report.rows += 1
                yield parsed


def _parse(line: bytes, width: int) -> Row | None:
    cells = line[:-1].split(b",")
    if len(cells) != width + 1:
        return None
    if max(map(len, cells)) > _MAX_DIGITS:
        return None
    try:
        time_ms = int(cells[0])
        return time_ms, [int(cell) if cell else None for cell in cells[1:]]
    except ValueError:
        return None
