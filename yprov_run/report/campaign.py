"""Several jobs on one page: a table, and time and energy against what they were tagged with."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from yprov_run.report.markup import Markup, join, table, tag
from yprov_run.report.page import page
from yprov_run.report.summary import tone
from yprov_run.report.where import Row
from yprov_run.report.words import count, duration, joules, plain

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 460, 240, 70, 40, 30
_MOST_TAGS, _CLOSEST_MARKS = 12, 0.1


def campaign_page(rows: Sequence[Row], title: str) -> str:
    """Return the page of several jobs; each row is a job's, with `link` to its own report."""
    tags = [key for key in dict.fromkeys(k for row in rows for k in row) if key.startswith("tag.")]
    total_j = sum(row["energy"] for row in rows if isinstance(row.get("energy"), float))
    total_s = sum(row["time"] for row in rows if isinstance(row.get("time"), (int, float)))
    words = f"{count(len(rows), 'job')}, {duration(total_s)} together, {joules(total_j)} of GPUs"
    body = [
        tag("nav", tag("button", "Light or dark", type="button", id="theme"), class_="top"),
        tag(
            "main",
            [
                tag("header", tag("h1", plain(title, 400))),
                tag("p", words),
                tag("p", tag("label", ["Search ", tag("input", type="search",
                    data_filter="jobs")]), class_="search"),
                tag("section", _table(rows, tags), id="jobs"),
                *_pictures(rows, tags[:_MOST_TAGS]),
            ],
        ),
    ]  # fmt: skip
    return page(plain(title), join(body))


def _table(rows: Sequence[Row], tags: Sequence[str]) -> Markup:
    head = ["job", "state", "started (UTC)", "time", "nodes", "GPUs", "GPU use", "GPU energy",
            *(plain(key[4:], 60) for key in tags)]  # fmt: skip
    cells = [
        [
            _name(row), tag("span", str(row.get("state", "")), class_=tone(str(row.get("state")))),
            str(row.get("started") or "")[:19].replace("T", " "), _say(row, "time", duration),
            str(row.get("nodeCount", "")), str(row.get("gpuCount", "")),
            _say(row, "meanUtilisation", "{:.0%}".format), _say(row, "energy", joules),
            *(plain(str(row.get(key, "")), 200) for key in tags),
        ]
        for row in rows
    ]  # fmt: skip
    return table(head, cells, "Jobs", numeric=(3, 4, 5, 6, 7))


def _name(row: Row) -> Markup:
    words = plain(f"{row.get('name', '')} {row.get('number', '')}", 200)
    return tag("a", words, href=str(row["link"])) if row.get("link") else tag("span", words)


def _say(row: Row, name: str, words: Any) -> str:
    value = row.get(name)
    return str(words(value)) if isinstance(value, (int, float)) else ""


def _pictures(rows: Sequence[Row], tags: Sequence[str]) -> list[Markup]:
    """Return a section per tag that differs between jobs: time and energy against its value."""
    sections = []
    for key in tags:
        having = [row for row in rows if row.get(key) not in (None, "")]
        if len({row[key] for row in having}) < 2:
            continue
        pictures = [
            _picture(having, key, "time", "time", _seconds),
            _picture(having, key, "energy", "GPU energy", joules),
        ]
        found = [picture for picture in pictures if picture is not None]
        if found:
            sections.append(tag("section", [tag("h2", f"By {plain(key[4:], 60)}"),
                                            tag("div", found, class_="pair")]))  # fmt: skip
    return sections


def _seconds(time_s: float) -> str:
    return f"{time_s / 3600:g} h" if time_s >= 7200 else f"{time_s:g} s"


def _picture(
    rows: Sequence[Row], key: str, field: str, words: str, say: Callable[[float], str]
) -> Markup | None:
    points = [
        (row[key], float(row[field]))
        for row in rows
        if isinstance(row.get(field), (int, float)) and math.isfinite(row[field])
    ]
    if not points:
        return None
    places, ticks = _scale([value for value, _ in points])
    top = max(height for _, height in points) * 1.08 or 1.0
    wide, high = _WIDTH - _LEFT - 40, _HEIGHT - _TOP - _BOTTOM

    def y(height: float) -> float:
        return _TOP + high * (1 - height / top)

    step = 10 ** math.floor(math.log10(top))
    step = next(step / part for part in (1, 2, 5) if top / (step / part) >= 3)
    parts = [tag("text", words, x=_LEFT, y=16, class_="t")]
    for number in range(int(top / step) + 1):
        at = f"{y(number * step):.1f}"
        parts += [
            tag("line", x1=_LEFT, x2=_WIDTH - 10, y1=at, y2=at, class_="g"),
            tag("text", say(number * step) if number else "0", x=_LEFT - 6, y=at, class_="e"),
        ]
    for place, name in ticks:
        parts.append(tag("text", plain(name, 12), x=f"{_LEFT + 10 + place * wide:.1f}",
                         y=_HEIGHT - _BOTTOM + 18, class_="m"))  # fmt: skip
    for (value, height), place in zip(points, places, strict=True):
        spot = tag("circle", tag("title", plain(f"{value}: {say(height)}", 100)),
                   cx=f"{_LEFT + 10 + place * wide:.1f}", cy=f"{y(height):.1f}", r=5)  # fmt: skip
        parts.append(spot)
    label = f"{words} by {plain(key[4:], 60)}"
    return tag(
        "svg", parts, class_="points", viewBox=f"0 0 {_WIDTH} {_HEIGHT}", width=_WIDTH,
        height=_HEIGHT, role="img", aria_label=label,
    )  # fmt: skip


def _scale(values: Sequence[object]) -> tuple[list[float], list[tuple[float, str]]]:
    """Return each value's place from 0 to 1, and the marks: by number, else by name."""
    numbers = [_number(value) for value in values]
    known = [number for number in numbers if number is not None]
    if len(known) == len(values) and max(known) > min(known):
        low, high = min(known), max(known)
        logarithmic = low > 0 and high / low >= 20
        shift = (math.log(low), math.log(high)) if logarithmic else (low, high)
        places = [
            ((math.log(number) if logarithmic else number) - shift[0]) / (shift[1] - shift[0])
            for number in known
        ]
        marks = {place: str(value) for place, value in zip(places, values, strict=True)}
        return places, _apart(marks)
    names = sorted({str(value) for value in values})
    spots = {name: (index + 0.5) / len(names) for index, name in enumerate(names)}
    marks = {place: name for name, place in spots.items()}
    return [spots[str(value)] for value in values], _apart(marks)


def _apart(marks: dict[float, str]) -> list[tuple[float, str]]:
    """Return the marks that do not stand on each other."""
    kept: list[tuple[float, str]] = []
    for place, name in sorted(marks.items()):
        if not kept or place - kept[-1][0] >= _CLOSEST_MARKS:
            kept.append((place, name))
    return kept


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
