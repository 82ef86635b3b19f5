"""From raw numbers to the tables of docs/benchmarks.md; its prose stays as it was written.

A table stands between `<!-- SECTION -->` and `<!-- /SECTION -->`. A figure is a median, with the
lowest and the highest in brackets; a ratio is that of two figures of one round.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

BARE, OURS, OURS_RECORDING = "bare", "yprov-run", "yprov-run --no-merge"
Numbers = Sequence[float]


def update(text: str, raw: Mapping[str, Any]) -> str:
    """Return a page with its tables made of these numbers."""
    for section, results in raw.items():
        marks = re.compile(rf"(<!-- {section} -->\n).*?(<!-- /{section} -->)", re.DOTALL)
        table = "\n".join([*_TABLES[section](results), "", _circumstances(results)])
        text = marks.sub(lambda found, new=table: f"{found[1]}{new}\n{found[2]}", text)  # type: ignore[misc]
    return text


def as_json(raw: Mapping[str, Any]) -> str:
    """Return numbers as text, one list a line."""
    text = json.dumps(raw, indent=1)
    return re.sub(r"\[[^\[\]{}]*\]", lambda found: " ".join(found[0].split()), text) + "\n"


def _circumstances(results: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    quick = " A quick run, not to be trusted." if results["quick"] else ""
    return (
        f"*{results['machine']}; {results['date']}; load before it {results['load_before']}; "
        f"rounds: {results['rounds']}; {versions}.{quick}*"
    )


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _head(*cells: str) -> list[str]:
    return [_row("", *cells), "|---" * (len(cells) + 1) + "|"]


def _number(value: float) -> str:
    return f"{value:,.{2 if abs(value) < 10 else 1 if abs(value) < 100 else 0}f}"


def _spread(numbers: Numbers) -> str:
    if not numbers:
        return ""
    if len(numbers) == 1:
        return _number(numbers[0])
    low, high = _number(min(numbers)), _number(max(numbers))
    return f"{_number(median(numbers))} ({low} to {high})"


def _ratios(numbers: Numbers, to: Numbers) -> Numbers:
    """Return ratios round by round; what is heavy to start ran in every third round only."""
    of_rounds = to if len(numbers) == len(to) else to[::3]
    return [number / other for number, other in zip(numbers, of_rounds, strict=True) if other > 0]


def _better(cases: Mapping[str, Mapping[str, Numbers]], ours: str, what: str, say: str) -> str:
    """Say in which peers a figure is lower than ours."""
    mine = cases[ours][what]
    peers = {
        name: median(_ratios(case[what], mine) or [1.0])
        for name, case in cases.items()
        if name not in (BARE, ours) and not name.startswith((OURS, "a task"))
    }
    lower = [
        f"{name.partition(',')[0]} ({_number(ratio)} of ours)"
        for name, ratio in peers.items()
        if ratio < 1
    ]
    return f"{say}: {', '.join(lower) if lower else 'none'}."


def _startup(results: Mapping[str, Any]) -> list[str]:
    cases = results["cases"]
    lines = _head("until the program runs, ms", "whole, ms", f"whole, of `{OURS}`", "CPU, ms")
    for name, case in cases.items():
        ratio = _spread(_ratios(case["wall_ms"], cases[OURS]["wall_ms"]))
        cells = _spread(case["until_ms"]), _spread(case["wall_ms"]), ratio, _spread(case["cpu_ms"])
        lines.append(_row(name, *cells))
    return [
        *lines,
        "",
        _better(cases, OURS, "until_ms", "The program starts sooner with"),
        _better(cases, OURS, "wall_ms", "The whole is quicker with"),
    ]


def _overhead(results: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for program, cases in results["programs"].items():
        lines += _head(f"a program that {program}: wall, s", "of bare", "CPU, s", "of bare")
        for name, case in cases.items():
            of_bare = (_spread(_ratios(case[w], cases[BARE][w])) for w in ("wall_s", "cpu_s"))
            wall, cpu = of_bare
            lines.append(_row(name, _spread(case["wall_s"]), wall, _spread(case["cpu_s"]), cpu))
        lines += ["", _better(cases, OURS, "wall_s", "Quicker than ours"), ""]
    return lines[:-1]


def _sampling(results: Mapping[str, Any]) -> list[str]:
    cases = results["cases"]
    grown = f"grown in {results['lasts_s']:g} s, MiB"
    written = "written meanwhile, MB per hour"
    lines = _head("CPU, ms per s", "of ours at that rate", "memory, MiB", grown, written)
    losses = []
    for rate in ("1 Hz", "10 Hz"):
        at_rate = {name: case for name, case in cases.items() if f", {rate}" in name}
        ours = f"{OURS_RECORDING}, {rate}"
        for name, case in at_rate.items():
            ratio = _spread(_ratios(case["cpu_ms_per_s"], cases[ours]["cpu_ms_per_s"]))
            growth = [b - a for a, b in zip(case["first_mib"], case["last_mib"], strict=True)]
            cells = _spread(case["last_mib"]), _spread(growth), _spread(case["mb_per_hour"])
            lines.append(_row(name, _spread(case["cpu_ms_per_s"]), ratio, *cells))
        for what, say in (
            ("cpu_ms_per_s", "less CPU time"), ("last_mib", "less memory"),
            ("mb_per_hour", "fewer bytes"),
        ):  # fmt: skip
            losses.append(_better(at_rate, ours, what, f"At {rate}, {say} with"))
    return [*lines, "", *losses]


def _endings(results: Mapping[str, Any]) -> list[str]:
    cases = results["cases"]
    asked = [what for what in cases[BARE] if what not in ("term", "lost")]
    lines = _head(*asked, "SIGTERM to it alone", f"all killed after {results['runs_s']:g} s")
    for name, case in cases.items():
        statuses = [
            str(case[what]) if case[what] == cases[BARE][what] else f"**{case[what]}**"
            for what in asked
        ]
        term = case["term"] if case["term"] == cases[BARE]["term"] else f"**{case['term']}**"
        lines.append(_row(name, *statuses, f"program {term}", _kept(name, case["lost"])))
    return lines


def _kept(name: str, lost: Mapping[str, Any]) -> str:
    if name == BARE:
        return ""
    if lost["seconds"] is None:
        left = lost["left_bytes"]
        return f"{left:,} bytes of text are left" if left else "**nothing is left**"
    whole = "a valid document" if lost["whole"] else "**no summary**"
    return f"the last {_number(lost['seconds'])} s are lost; {whole}"


def _merge(results: Mapping[str, Any]) -> list[str]:
    columns = {
        "wall_s": "wall, s", "cpu_s": "CPU, s", "peak_mb": "memory, MB",
        "document_mb": "document, MB", "records": "records", "check_s": "check, s",
    }  # fmt: skip
    lines = [_row("nodes x 8 GPUs", *columns.values()), "|---" * 7 + "|"]
    for name, case in results["cases"].items():
        told = {what: _spread(case[what]) for what in columns}
        lines.append(_row(name, *{**told, "records": f"{case['records'][-1]:,}"}.values()))
    lines += ["", f"{results['library_nodes']:,} nodes, every GPU in the document:", ""]
    usual = ("wall_s", "cpu_s", "peak_mb")
    lines += _head(*(columns[what] for what in usual))
    for name, case in results["library"].items():
        lines.append(_row(name, *(_spread(case[what]) for what in usual)))
    return lines


def _files(results: Mapping[str, Any]) -> list[str]:
    lines = _head("until the program runs, ms")
    lines += [_row(name, _spread(numbers)) for name, numbers in results["until_ms"].items()]
    survey, rates = results["survey"], results["gb_per_s"]
    return [
        *lines,
        "",
        f"Launch to document, with all checksums: {results['whole_s']} s.",
        f"A folder of {survey['files']:,.0f} empty files: {survey['wall_s']} s, "
        f"{survey['peak_mib']:.0f} MiB of memory, a table of {survey['table_mb']:.0f} MB, "
        f"{survey['unhashed']:.0f} without a checksum.",
        f"One thread hashes {rates['sha256']} GB a second of CPU time by SHA-256, "
        f"{rates['blake2b']} by BLAKE2b.",
    ]


def _report(results: Mapping[str, Any]) -> list[str]:
    lines = [_row("nodes x 8 GPUs", "ready, ms", "MB", "elements", "merge's CPU for it, s")]
    lines.append("|---" * 5 + "|")
    for nodes, case in results["cases"].items():
        extra_s = case["merge_cpu_s"] - case["without_cpu_s"]
        of = f"{_number(extra_s)} of {_number(case['merge_cpu_s'])}"
        size, elements = _number(case["size_mb"]), f"{case['elements']:,}"
        lines.append(_row(nodes, _spread(case["ready_ms"]), size, elements, of))
    return lines


_TABLES: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "startup": _startup,
    "overhead": _overhead,
    "sampling": _sampling,
    "endings": _endings,
    "merge": _merge,
    "files": _files,
    "report": _report,
}
