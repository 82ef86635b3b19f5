"""Parts of a job as tables for a terminal, read from its document alone."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from yprov_run.report.columns import Cell, Column
from yprov_run.report.facts import ENVIRONMENT, MODULES, PACKAGES, facts
from yprov_run.report.listing import moment_s
from yprov_run.report.reading import Document, elements, text_at, value
from yprov_run.report.words import duration, joules, memory


class View(NamedTuple):
    """A table: its columns, its rows, and what to say where there is none."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    empty: str


def _number(record: Mapping[str, Any], name: str) -> float | None:
    found = value(record.get(f"run:{name}"))
    return float(found) if isinstance(found, (int, float)) else None


def _say(found: float | None, words: Callable[[float], str]) -> Cell:
    return Cell("" if found is None else words(found))


def _percent(share: float) -> str:
    return f"{share:.0%}"


def _watts(power_w: float) -> str:
    return f"{power_w:.0f} W"


def nodes(document: Document, _: Path) -> View:
    """Return what each node did, the least used first."""
    rows: list[tuple[float, list[Cell]]] = []
    for record in elements(document, "activity", "run:NodeExecution").values():
        started, ended = (moment_s(record.get(f"prov:{end}Time")) for end in ("start", "end"))
        took = None if started is None or ended is None else ended - started
        use, cpu = _number(record, "meanUtilisation"), _number(record, "meanCpuUtilisation")
        row = [
            Cell(text_at(record, "prov:label")), Cell(text_at(record, "dcterms:isPartOf")),
            Cell(str(value(record.get("run:taskCount", "")))), _say(took, duration),
            _say(use, _percent), _say(cpu, _percent),
            _say(_number(record, "maxNodeMemory"), memory),
            _say(_number(record, "energy"), joules), _say(_number(record, "coverage"), _percent),
        ]  # fmt: skip
        rows.append((use if use is not None else cpu if cpu is not None else 2.0, row))
    rows.sort(key=lambda found: found[0])
    columns = (
        Column("node", flexible=True), Column("step", priority=2),
        Column("tasks", right=True, priority=1), Column("time", right=True),
        Column("GPU use", right=True), Column("CPU", right=True), Column("memory", right=True),
        Column("GPU energy", right=True), Column("sampled", right=True, priority=3),
    )  # fmt: skip
    return View(columns, [row for _, row in rows], "no node is recorded")


def gpus(document: Document, folder: Path) -> View:
    """Return each GPU, and each MIG instance, in each node execution, the least used first.

    A document of thousands of nodes has them in the table beside it.
    """
    devices = elements(document, "entity", "run:GPU")
    instances = {
        identifier: zone
        for identifier, zone in elements(document, "entity", "run:PowerZone").items()
        if zone.get("run:zoneKind") == "gpu-instance"
    }
    activities = elements(document, "activity")
    rows: list[tuple[float, list[Cell]]] = []
    for record in elements(document, "used").values():
        instance = instances.get(text_at(record, "prov:entity"))
        if instance is not None:
            node = activities.get(text_at(record, "prov:activity"), {})
            rows.append(_gpu_instance(record, instance, node))
            continue
        device = devices.get(text_at(record, "prov:entity"))
        if device is None:
            continue
        node = activities.get(text_at(record, "prov:activity"), {})
        use = _number(record, "meanUtilisation")
        row = [
            Cell(text_at(node, "prov:label")), Cell(text_at(device, "schema:model")),
            Cell(text_at(record, "run:pciBusId")), _say(use, _percent),
            _say(_number(record, "maxUtilisation"), _percent),
            _say(_number(record, "maxMemory"), memory), _say(_number(record, "meanPower"), _watts),
            _say(_number(record, "maxPower"), _watts), _say(_number(record, "energy"), joules),
        ]  # fmt: skip
        rows.append((2.0 if use is None else use, row))
    rows = rows or list(_gpus_of_table(document, folder))
    rows.sort(key=lambda found: found[0])
    columns = (
        Column("node", flexible=True), Column("model", priority=3, flexible=True),
        Column("PCI address", priority=2), Column("use", right=True), Column("peak", right=True),
        Column("memory", right=True), Column("power", right=True),
        Column("peak", right=True, priority=1), Column("energy", right=True),
    )  # fmt: skip
    return View(columns, [row for _, row in rows], "no GPU stands in the document")


def _gpu_instance(
    record: Mapping[str, Any], zone: Mapping[str, Any], node: Mapping[str, Any]
) -> tuple[float, list[Cell]]:
    """Return a MIG instance's row: of power it has none, of use that of its multiprocessors."""
    busy = _number(record, "meanSmBusy")
    empty = Cell("")
    return 2.0 if busy is None else busy, [
        Cell(text_at(node, "prov:label")), Cell(text_at(zone, "prov:label")), Cell("MIG instance"),
        _say(busy, lambda share: f"{_percent(share)} SM"), empty,
        _say(_number(record, "maxMemory"), memory), empty, empty, empty,
    ]  # fmt: skip


def _gpus_of_table(document: Document, folder: Path) -> Iterator[tuple[float, list[Cell]]]:
    for record in elements(document, "entity", "run:DeviceTable").values():
        path = (folder / text_at(record, "prov:location")).resolve()
        if not path.is_relative_to(folder.resolve()):
            continue
        try:
            with path.open(encoding="utf-8", newline="") as stream:
                for line in csv.DictReader(stream):
                    yield _gpu_of_line(line)
        except (OSError, UnicodeDecodeError, csv.Error):
            continue


def _gpu_of_line(line: Mapping[str, str | None]) -> tuple[float, list[Cell]]:
    def number(name: str) -> float | None:
        try:
            return float(line.get(name) or "")
        except ValueError:
            return None

    use = number("mean_utilisation")
    return 2.0 if use is None else use, [
        Cell(line.get("node") or ""), Cell(line.get("model") or ""),
        Cell(line.get("pci_bus_id") or ""), _say(use, _percent),
        _say(number("max_utilisation"), _percent), _say(number("max_memory_bytes"), memory),
        _say(number("mean_power_w"), _watts), _say(number("max_power_w"), _watts),
        _say(number("energy_j"), joules),
    ]  # fmt: skip


def files(document: Document, _: Path) -> View:
    """Return the files and collections that the job read and wrote."""
    rows = []
    for record in elements(document, "entity").values():
        if record.get("prov:type") not in ("run:File", "prov:Collection"):
            continue
        size = text_at(record, "schema:contentSize")
        digest = text_at(record, "schema:sha256") or text_at(record, "run:collectionSha256")
        count = text_at(record, "run:memberCount")
        path = text_at(record, "prov:location") or text_at(record, "prov:label")
        rows.append(
            [
                Cell(text_at(record, "prov:role")),
                Cell(f"{path} ({count} files)" if count else path),
                Cell(memory(float(size)) if size.isdigit() else ""),
                Cell(digest),
                Cell(text_at(record, "run:note")),
            ]
        )
    rows.sort(key=lambda row: (not row[0].text, row))
    columns = (
        Column("role"), Column("path", flexible=True), Column("size", right=True),
        Column("SHA-256", priority=1, flexible=True), Column("note", priority=2, flexible=True),
    )  # fmt: skip
    return View(columns, rows, "no file is recorded")


def _facts(document: Document, folder: Path, section: str, title: str, empty: str) -> View:
    rows = sorted(
        [Cell(fact.key), Cell(fact.value)]
        for fact in facts(document, folder)
        if fact.section == section
    )
    columns = (Column(title, flexible=True), Column("value", flexible=True))
    return View(columns, rows, empty)


def environment(document: Document, folder: Path) -> View:
    """Return the variables that are recorded."""
    return _facts(document, folder, ENVIRONMENT, "variable", "no variable is recorded")


def modules(document: Document, folder: Path) -> View:
    """Return the environment modules that were loaded."""
    return _facts(document, folder, MODULES, "module", "no module is recorded")


def packages(document: Document, folder: Path) -> View:
    """Return the software of the program: packages by name, then libraries by their paths."""
    view = _facts(document, folder, PACKAGES, "package", "no package is recorded")
    return view._replace(rows=sorted(view.rows, key=lambda row: row[0].text.startswith("/")))


def timeline(document: Document, _: Path) -> View:
    """Return what started and ended when, in order."""
    found: list[tuple[str, str, str, str]] = []
    for identifier, record in elements(document, "activity").items():
        label = text_at(record, "prov:label") or identifier
        kind = text_at(record, "prov:type").rpartition(":")[2]
        if kind == "NodeExecution":
            label = f"{label} ({text_at(record, 'dcterms:isPartOf')})"
        state = " ".join(
            word for word in (text_at(record, "run:state"), text_at(record, "run:signal")) if word
        )
        for name, words in (("prov:startTime", "starts"), ("prov:endTime", "ends")):
            if name in record:
                said = f"{words}, {state}" if words == "ends" and state else words
                found.append((text_at(record, name), kind, label, said))
    found.sort()
    first = moment_s(found[0][0]) if found else None
    rows = [
        [
            Cell(time[:23].replace("T", " ")), Cell(_since(time, first)), Cell(kind), Cell(label),
            Cell(words),
        ]
        for time, kind, label, words in found
    ]  # fmt: skip
    columns = (
        Column("time (UTC)"), Column("after", right=True), Column("what", priority=1),
        Column("which", flexible=True), Column(""),
    )  # fmt: skip
    return View(columns, rows, "no time is recorded")


def _since(time: str, first_s: float | None) -> str:
    found = moment_s(time)
    return "" if found is None or first_s is None else duration(max(0.0, found - first_s))


VIEWS: Mapping[str, Callable[[Document, Path], View]] = {
    "nodes": nodes,
    "gpus": gpus,
    "files": files,
    "env": environment,
    "modules": modules,
    "packages": packages,
    "timeline": timeline,
}


def view_rows(view: View) -> list[dict[str, str]]:
    """Return a view's rows as they stand in JSON, a column's title for each key."""
    titles = _distinct([column.title or "what happened" for column in view.columns])
    return [
        {title: cell.text for title, cell in zip(titles, row, strict=True)} for row in view.rows
    ]


def _distinct(titles: Sequence[str]) -> list[str]:
    return [
        f"{title} {titles[:place].count(title) + 1}" if title in titles[:place] else title
        for place, title in enumerate(titles)
    ]
