"""The page's sections on what it ran in, with and on; on what is missing; on how figures are made.

They read the document alone, so a fact that a capture adds shows here without a line of code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from yprov_run.model import Job
from yprov_run.numerals import of_digits
from yprov_run.provenance.vocabulary import TERMS
from yprov_run.report.attachments import DIFF, TABLE, Attachment, attachments, rows_of, text_of
from yprov_run.report.graph import in_words, text
from yprov_run.report.markup import Markup, definitions, filled_table, join, lines, table, tag
from yprov_run.report.patches import by_file
from yprov_run.report.sections import section
from yprov_run.report.words import count, memory, plain

Document = Mapping[str, Any]

_MAX_FILES = 2_000
_MAX_ITEMS = 5_000
_MAX_GAPS = 1_000
_LONG_TEXT = 300
# Elements that other sections show.
_ELSEWHERE = {
    "provml:Metric", "run:SampleFile", "run:TaskTable", "run:Host", "run:GPU", "run:File",
    "run:Attachment", "run:ColumnSchema", "prov:Collection",
}  # fmt: skip
_NOT_FACTS = {"prov:type", "prov:label", "prov:role"}
_FIGURES_OF_JOB = {"gaps", "gapCount", "tags"}


def environment(document: Document, folder: Path) -> Markup:
    """Return every fact of the job and of what it ran in, one block an element, searchable."""
    blocks = [_block("job", "", document.get("activity", {}).get("job", {}))]
    for record in document.get("entity", {}).values():
        if text(record.get("prov:type")) not in _ELSEWHERE:
            kind = in_words(text(record.get("prov:type")))
            name = text(record.get("prov:label")) or kind
            blocks.append(_block(name.rpartition(":")[2], kind, record))
            if len(blocks) > _MAX_ITEMS:
                break
    blocks += [_attached(attachment) for attachment in attachments(document, folder)]
    return section("environment", "Environment and code", _search("environment"), *blocks)


def _attached(attachment: Attachment) -> Markup:
    """Return a patch as it is, a table as a table, anything else by its name."""
    link = "/".join(attachment.path.parts[-2:])
    kind = "file"
    parts: list[str] = [tag("p", tag("a", link, href=quote(f"./{link}")))]
    if attachment.media_type == DIFF:
        patch = text_of(attachment)
        kind = f"patch, {count(sum(1 for _ in by_file(patch)), 'file')}"
        parts.append(lines(patch))
    elif attachment.media_type == TABLE:
        rows = rows_of(attachment)
        kind = f"table, {count(len(rows), 'row')}"
        if rows:
            head = list(rows[0])
            cells = [[row.get(name, "") for name in head] for row in rows[:_MAX_ITEMS]]
            parts.append(table(head, cells, attachment.label))
    return tag("details", [_title(attachment.label, kind), *parts], class_="block")


def _title(name: str, kind: str) -> Markup:
    name, kind = plain(name), plain(kind)
    return tag("summary", [name, *([" ", tag("small", kind)] if kind not in ("", name) else [])])


def _search(target: str) -> Markup:
    return tag(
        "p",
        tag("label", ["Search ", tag("input", type="search", data_filter=target)]),
        class_="search",
    )


def _block(title: str, kind: str, record: Mapping[str, Any]) -> Markup:
    short: list[tuple[str, str]] = []
    long: list[Markup] = []
    for name, value in record.items():
        local = name.rpartition(":")[2]
        if (
            name in _NOT_FACTS
            or local in _FIGURES_OF_JOB
            or name.startswith(("prov:ended", "prov:startedAt"))
        ):
            continue
        words = text(value)
        structure = _structure(words)
        if structure is not None:
            long.append(_unfold(local, structure))
        elif len(words) > _LONG_TEXT or "\n" in words:
            long.append(tag("details", [tag("summary", local), lines(words)]))
        else:
            short.append((local, words))
    return tag("details", [_title(title, kind), definitions(short), *long], class_="block")


def _structure(words: str) -> list[Any] | dict[str, Any] | None:
    if not words.startswith(("{", "[")):
        return None
    try:
        value = json.loads(words)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, (list, dict)) else None


def _unfold(name: str, value: list[Any] | dict[str, Any]) -> Markup:
    if isinstance(value, dict):
        rows = [[str(key), _cell(item)] for key, item in sorted(value.items())]
    else:
        rows = [[str(place), _cell(item)] for place, item in enumerate(value)]
    body = table(("", ""), rows[:_MAX_ITEMS], name)
    return tag("details", [tag("summary", f"{name} ({len(rows)})"), body])


def _cell(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def files(document: Document) -> Markup:
    """Return the files that the job read and wrote, with their checksums."""
    found = [
        record
        for record in document.get("entity", {}).values()
        if text(record.get("prov:type")) in {"run:File", "prov:Collection"}
    ]
    if not found:
        words = "None were named and none were made where the job ran; see --input and --output."
        return section("files", "Files", tag("p", words))
    rows = []
    for record in found[:_MAX_FILES]:
        size = of_digits(text(record.get("schema:contentSize")))
        rows.append(
            [
                text(record.get("prov:role")),
                _path(record),
                "" if size is None else memory(size),
                text(record.get("dcterms:modified")).replace("T", " ").replace("+00:00", ""),
                _checksum(record),
                text(record.get("run:note")),
            ]
        )
    note = [f"{_MAX_FILES} of {len(found)} are shown."] if len(found) > _MAX_FILES else []
    head = ("role", "path", "size", "changed (UTC)", "SHA-256", "note")
    return section(
        "files", "Files", _search("files"), *(tag("p", words) for words in note),
        filled_table(head, rows, "Files", ("size",)),
    )  # fmt: skip


def _checksum(record: Mapping[str, Any]) -> str:
    digest = text(record.get("schema:sha256") or record.get("run:collectionSha256"))
    return tag("code", digest) if digest else ""


def _path(record: Mapping[str, Any]) -> str:
    path = text(record.get("prov:location")) or text(record.get("prov:label"))
    number = text(record.get("run:memberCount"))
    return f"{path} ({number} files)" if number else path


def gaps(job: Job) -> Markup:
    """Return everything that should have been recorded and was not."""
    if not job.gaps:
        return section("gaps", "Gaps", tag("p", "Nothing that should be here is missing."))
    rows = [[gap.where, gap.what] for gap in job.gaps[:_MAX_GAPS]]
    were = "was" if len(job.gaps) == 1 else "were"
    note = f"{count(len(job.gaps), 'thing')} should have been recorded and {were} not."
    return section("gaps", "Gaps", tag("p", note), table(("where", "what"), rows, "Gaps"))


def methods(document: Document) -> Markup:
    """Return what each figure on this page means and how it was made, with its unit."""
    used = set[str]()
    for kind in ("activity", "used", "entity"):
        for record in document.get(kind, {}).values():
            if isinstance(record, Mapping):
                used.update(name[4:] for name in record if name.startswith("run:"))
    rows = [
        [name, term.definition, term.unit]
        for name, term in TERMS.items()
        if name in used and term.datatype != ""
    ]
    return section(
        "methods",
        "How the figures are made",
        tag("details", [tag("summary", f"{len(rows)} terms"),
                        table(("term", "what it says", "unit"), rows, "Terms of the document")]),
    )  # fmt: skip


def footer(job: Job) -> Markup:
    """Return who made the page."""
    return tag("footer", join(["yprov-run ", job.yprov_run_version, ", ", job.uuid]))
