"""yprov-inspect list: jobs with their state, time, energy, utilisation and tags."""

from __future__ import annotations

import csv
import json
import re
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from yprov_run.cli.completing import one_of
from yprov_run.cli.request import at_home
from yprov_run.errors import YprovError, meant
from yprov_run.provenance.vocabulary import TERMS
from yprov_run.report.columns import Cell, Column, print_columns
from yprov_run.report.listing import moment_s, ordered, rows
from yprov_run.report.terminal import make_console
from yprov_run.report.where import Row, Test, chosen, where
from yprov_run.report.words import duration, joules, plain

_STATES = ("completed", "failed", "killed", "running", "unknown", "unreadable")
_ALWAYS = {"directory", "name", "number", "started", "ended", "time", "user", "command"}
_OPERATOR = re.compile(r"!=|<=|>=|[=<>~]")
_AGE = re.compile(r"(\d+)([mhdw])\Z")
_AGE_S = {"m": 60, "h": 3600, "d": 86400, "w": 604800}


# `directory` as in every command: the settings reach a parameter by its name.
def list_jobs(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="[DIR]", envvar="YPROV_DIR", callback=at_home, help="Where jobs are."
        ),
    ] = Path("yprov"),
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="KEY[=VALUE]", help="With it. Repeatable.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE|AGE", help="Started since: 2026-11-01, 12h, 7d.")
    ] = None,
    state: Annotated[
        str | None, typer.Option(help=f"{', '.join(_STATES)}.", autocompletion=one_of(*_STATES))
    ] = None,
    user: Annotated[str | None, typer.Option(help="Of this user.")] = None,
    conditions: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="FIELD=VALUE",
            help="Any field; also != < <= > >= ~. Units: 2h, 5MJ, 40GiB, 60%.",
        ),
    ] = None,
    sort: Annotated[
        str, typer.Option(metavar="[-]FIELD", help="By this field; - for downwards.")
    ] = "started",
    as_json: Annotated[bool, typer.Option("--json", help="Every field, as JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Every field, as CSV.")] = False,
) -> None:
    """List the jobs below a folder. Fields are those that --json shows."""
    if as_json and as_csv:
        raise YprovError("give one of --json and --csv")
    tests = [*_tests(tags or [], since, state, user), *map(where, conditions or [])]
    every = rows(directory)
    _check_fields(every, sort, conditions or [])
    found = ordered(chosen(every, tests), sort)
    if as_json:
        print(json.dumps(found, indent=1))
    elif as_csv:
        _print_csv(found)
    else:
        _print_table(found)


def _check_fields(every: list[Row], sort: str, conditions: list[str]) -> None:
    """Refuse a field that no job can have: a mistyped one would choose nothing, silently."""
    known = {name for row in every for name in row} | TERMS.keys() | _ALWAYS
    named = [("--sort", sort, sort.lstrip("-"))]
    named += [("--where", text, _OPERATOR.split(text)[0].strip()) for text in conditions]
    for option, text, name in named:
        if every and name not in known and not name.startswith("tag."):
            raise YprovError(
                f"{option} {text!r}: no job has a field {name!r}"
                + (meant(name, known) or "; --json shows all fields")
            )


def _tests(tags: list[str], since: str | None, state: str | None, user: str | None) -> list[Test]:
    tests: list[Test] = []
    for tag in tags:
        key, equals, wanted = tag.partition("=")
        tests.append(_is(f"tag.{key}", wanted) if equals else _has(f"tag.{key}"))
    if since is not None:
        earliest_s = _since_s(since)
        tests.append(lambda row: (moment_s(row.get("started")) or 0) >= earliest_s)
    if state is not None:
        if state not in _STATES:
            near = meant(state, _STATES) or f"; give one of {', '.join(_STATES)}"
            raise YprovError(f"--state {state!r}: there is no such state{near}")
        tests.append(_is("state", state))
    if user is not None:
        tests.append(_is("user", user))
    return tests


def _has(field: str) -> Test:
    return lambda row: field in row


def _is(field: str, wanted: str) -> Test:
    return lambda row: row.get(field) == wanted


def _since_s(text: str) -> float:
    age = _AGE.match(text)
    if age:
        return time.time() - int(age[1]) * _AGE_S[age[2]]
    found = moment_s(text)
    if found is None:
        raise YprovError(f"--since {text!r}: give a date such as 2026-11-01, or an age such as 7d")
    return found


def _print_csv(found: list[Row]) -> None:
    fields = list(dict.fromkeys(name for row in found for name in row))
    writer = csv.DictWriter(sys.stdout, fields, lineterminator="\n")
    writer.writeheader()
    # Data as it is for a file or a program; on a terminal nothing may act.
    seen = sys.stdout.isatty()
    for row in found:
        writer.writerow(
            {name: plain(text) if seen and isinstance(text, str) else text
             for name, text in row.items()}
        )  # fmt: skip


_COLUMNS = (
    Column("job", flexible=True), Column("state"), Column("started (UTC)", priority=2),
    Column("time", right=True), Column("nodes", right=True, priority=1),
    Column("GPUs", right=True, priority=1), Column("use", right=True),
    Column("energy", right=True), Column("user", priority=3, flexible=True),
    Column("tags", priority=4, flexible=True),
)  # fmt: skip
_STYLES = {"completed": "green", "running": "yellow"}


def _print_table(found: list[Row]) -> None:
    if not found:
        print("no jobs", file=sys.stderr)
        return
    print_columns(make_console(stream_is_stderr=False), _COLUMNS, map(_cells, found))


def _cells(row: Row) -> list[Cell]:
    use, energy_j, time_s = row.get("meanUtilisation"), row.get("energy"), row.get("time")
    state = str(row.get("state", ""))
    tags = " ".join(f"{key[4:]}={text}" for key, text in row.items() if key.startswith("tag."))
    return [
        Cell(str(row.get("directory", ""))),
        Cell(state, _STYLES.get(state, "red")),
        Cell(str(row.get("started") or "")[:16].replace("T", " ")),
        Cell(duration(time_s) if isinstance(time_s, (int, float)) else ""),
        Cell(str(row.get("nodeCount", ""))),
        Cell(str(row.get("gpuCount") or "")),
        Cell(f"{use:.0%}" if isinstance(use, (int, float)) else ""),
        Cell(joules(energy_j) if isinstance(energy_j, (int, float)) else ""),
        Cell(str(row.get("user", ""))),
        Cell(tags),
    ]
