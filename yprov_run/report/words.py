"""Figures and foreign texts in words: for a terminal, a log, and a page alike."""

from __future__ import annotations

import re
from datetime import datetime, timezone

_LONGEST = 200
_NEARLY = 0.9995  # of a unit: what is rounded to the whole of it
# What moves a cursor, colours a screen, hides, or turns a line around.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


def plain(text: str, longest: int = _LONGEST) -> str:
    """Return text that cannot move the cursor, colour the screen or turn the line around."""
    cut = text if len(text) <= longest else text[: longest - 1] + "\u2026"
    return _INVISIBLE.sub("\ufffd", cut)


def duration(seconds: float) -> str:
    """Return `12.2 s`, `3:05 min` or `11:02:07 h`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d} h" if hours else f"{minutes}:{rest:02d} min"


def moment(time_ms: int) -> str:
    """Return ms since the epoch as `2026-11-21 03:52:29 UTC`; `unknown` beyond the calendar."""
    try:
        return f"{datetime.fromtimestamp(time_ms / 1000, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return "unknown"


def joules(energy_j: float) -> str:
    """Return an energy with the unit that fits."""
    for factor, unit in ((1e9, "GJ"), (1e6, "MJ"), (1e3, "kJ")):
        if energy_j >= factor:
            return f"{energy_j / factor:.2f} {unit}"
    if not 0 < energy_j < _NEARLY:
        return f"{energy_j:.1f} J"
    factor, unit = (1e-3, "mJ") if energy_j >= _NEARLY * 1e-3 else (1e-6, "\u00b5J")
    small = energy_j / factor
    return f"{small:.{2 if small < 10 else 1 if small < 100 else 0}f} {unit}"


def amount(number: float) -> str:
    """Return how many there are of something: whole numbers in full, up to 15 digits."""
    return f"{number:,.0f}" if _NEARLY * 1e6 <= abs(number) < 1e15 else f"{number:,g}"


def rounded(number: float) -> str:
    """Return a figure with three digits, or all that are before the point."""
    return f"{number:,.0f}" if 1e3 <= abs(number) < 1e15 else f"{number:.3g}"


def memory(size_b: float | None) -> str:
    """Return bytes with the unit that fits; `not sampled` for None."""
    if size_b is None:
        return "not sampled"
    for factor, unit in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if size_b >= factor:
            return f"{size_b / factor:.1f} {unit}"
    return f"{size_b:.0f} B"


def count(number: int, thing: str) -> str:
    """Return `1 node`, `4 nodes`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
