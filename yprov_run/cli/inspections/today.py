"""What differs today from when a job ran: its folders, code, inputs, and its program's software.

All of it is read by what captured it then, so that the same things are held against each other.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from yprov_run.capture import code, software
from yprov_run.cli.inspections.inputs import input_differences
from yprov_run.merge.attachments import packages_of
from yprov_run.report.attachments import DIFF, TABLE, attachment_of, rows_of, text_of
from yprov_run.report.conditions import Record, uses
from yprov_run.report.launches import Launch
from yprov_run.report.patches import by_file
from yprov_run.report.reading import Document, elements, value

_MOST_NAMED = 8
_DIGITS = 12
_PACKAGE_FIELDS = ("version", "origin", "commit", "editable")

Environ = Mapping[str, str]
Packages = dict[tuple[str, str], str]


def differences(
    document: Document,
    folder: Path,
    launches: Sequence[Launch],
    environs: Mapping[str, Environ],
) -> Iterator[str]:
    """Yield what is different today, a line each; `environs` are what each step would run with."""
    for place in dict.fromkeys(launch.folder for launch in launches):
        if place and not Path(place).is_dir():
            yield f"the folder {place} is not there"
    missing = (one.argv[0] for one in launches if one.argv and not _is_there(one, environs))
    yield from (f"{program}: no such command here" for program in dict.fromkeys(missing))
    steps = {launch.step: launch.folder for launch in launches}
    yield from _code(document, folder, environs)
    yield from input_differences(document, steps)
    for launch in launches:
        yield from _software(document, folder, launch, environs[launch.step])


def _is_there(launch: Launch, environs: Mapping[str, Environ]) -> bool:
    """Tell whether a step's program is found; one that is named with its folder is not sought."""
    program, path = launch.argv[0], environs[launch.step].get("PATH")
    return "/" in program or shutil.which(program, path=path) is not None


def _attached_to(document: Document, identifier: str, media_type: str) -> Iterator[Record]:
    """Yield the attachments of one entity."""
    attached = {
        str(value(record.get("prov:generatedEntity")))
        for record in elements(document, "wasDerivedFrom").values()
        if value(record.get("prov:usedEntity")) == identifier
    }
    for name, record in elements(document, "entity", "run:Attachment").items():
        if name in attached and value(record.get("schema:encodingFormat")) == media_type:
            yield record


def _code(document: Document, folder: Path, environs: Mapping[str, Environ]) -> Iterator[str]:
    found = {use.identifier: use for use in uses(document, environs, "run:CodeState")}
    for identifier, use in found.items():
        record = use.entity
        root = str(value(record.get("prov:location")) or "")
        is_there = bool(root) and "\0" not in root and Path(root).is_dir()
        repositories = code.capture([root], environs[use.step]) if is_there else []
        if not repositories or not Path(root).samefile(repositories[0].root):
            yield f"code: {root} is no repository today"
            continue
        today = repositories[0]
        yield from (f"code: {problem}" for problem in today.problems)
        commit = str(value(record.get("run:commit")) or "")
        if today.commit != commit:
            yield f"code: {root} is at commit {_short(today.commit)}, not {_short(commit)}"
        then: dict[str, str] = {}
        attached = list(_attached_to(document, identifier, DIFF))
        for patch in attached:
            attachment = attachment_of(patch, folder)
            then |= {} if attachment is None else _changes(text_of(attachment))
        if str(value(record.get("run:dirty"))) == "true" and not then:
            yield f"code: {root} had changes that were not kept"
        else:
            yield from _changed(then, _changes(_as_text(today.patch)))


def _short(commit: str) -> str:
    return commit[:_DIGITS] or "none"


def _as_text(patch: str) -> str:
    """Return a patch as the text that its file is read as: bytes that are no UTF-8 are replaced."""
    return patch.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _changes(patch: str) -> dict[str, str]:
    return {part.path: part.sha256 for part in by_file(patch) if not part.is_result}


def _changed(then: Mapping[str, str], today: Mapping[str, str]) -> Iterator[str]:
    lines = []
    for path in dict.fromkeys((*then, *today)):
        if path not in today:
            lines.append(f"code: {path} had changes that it has no more")
        elif path not in then:
            lines.append(f"code: {path} has changes that it had not")
        elif then[path] != today[path]:
            lines.append(f"code: {path} has other changes than it had")
    yield from _first(lines, "files")


def _first(lines: Sequence[str], what: str) -> Iterator[str]:
    yield from lines[:_MOST_NAMED]
    if len(lines) > _MOST_NAMED:
        yield f"and {len(lines) - _MOST_NAMED} more {what}"


def _software(document: Document, folder: Path, launch: Launch, environ: Environ) -> Iterator[str]:
    for _, identifier, record, _ in uses(document, {launch.step}, "run:PythonEnvironment"):
        today = software.capture(launch.argv, environ, launch.folder)
        path = str(value(record.get("prov:location")) or "")
        if today.python is None:
            yield f"python: {path} is not what the command comes to today"
            continue
        version = str(value(record.get("schema:softwareVersion")) or "")
        if today.python.version != version:
            yield f"python: {today.python.version or 'of an unknown version'}, not {version}"
        elif today.python.path != path:
            yield f"python: {today.python.path}, not {path}"
        for table in _attached_to(document, identifier, TABLE):
            attachment = attachment_of(table, folder)
            if attachment is None:
                yield "packages: their table is not beside the document"
                continue
            now = csv.DictReader(packages_of(today).content.decode().splitlines())
            yield from _packages(_versions(rows_of(attachment)), _versions(list(now)))


def _versions(rows: Sequence[Mapping[str, str]]) -> Packages:
    return {
        (row.get("manager", ""), row.get("name", "")): " ".join(
            text for field in _PACKAGE_FIELDS if (text := row.get(field, ""))
        )
        for row in rows
    }


def _packages(then: Packages, today: Packages) -> Iterator[str]:
    lines = []
    for package in dict.fromkeys((*then, *today)):
        name = package[1]
        if package not in today:
            lines.append(f"package {name}: not installed, {then[package]} then")
        elif package not in then:
            lines.append(f"package {name}: {today[package]}, not installed then")
        elif then[package] != today[package]:
            lines.append(f"package {name}: {today[package]}, not {then[package]}")
    yield from _first(lines, "packages")
