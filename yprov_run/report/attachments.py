"""Files that a document refers to beside it, read with care: packages, libraries, patches."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from yprov_run.jobdir import JobDir
from yprov_run.merge.attachments import attachments as written
from yprov_run.merge.captured import read_captured
from yprov_run.report.reading import Document, elements, value

_LARGEST_BYTES = 4 << 20
_MOST_ROWS = 20_000
DIFF, TABLE = "text/x-diff", "text/csv"


class Attachment(NamedTuple):
    """A file that was captured whole: what it is, its kind, and where it is.

    `content` is None where it is to be read from there.
    """

    label: str
    media_type: str
    path: Path
    content: bytes | None = None


def attachments(document: Document, folder: Path) -> Iterator[Attachment]:
    """Yield what is attached and lies within the job's folder; anything else is left out."""
    for record in elements(document, "entity", "run:Attachment").values():
        attachment = attachment_of(record, folder)
        if attachment is not None:
            yield attachment


def all_there(document: Document, folder: Path) -> bool:
    """Tell whether every attachment of a document can be read."""
    records = elements(document, "entity", "run:Attachment").values()
    return all(attachment_of(record, folder) is not None for record in records)


def attachment_of(record: Mapping[str, Any], folder: Path) -> Attachment | None:
    """Return one attachment; None where it is gone, or does not lie within the job's folder.

    Of a job that is not merged yet it is made of the record.
    """
    location = value(record.get("prov:location"))
    if not isinstance(location, str) or "\0" in location:
        return None
    try:
        path = (folder / location).resolve()
        if not path.is_relative_to(folder.resolve()):
            return None
        content = None if path.is_file() else _recorded(JobDir(folder), location)
        if content is None and not path.is_file():
            return None
    except OSError:
        return None
    media_type = str(value(record.get("schema:encodingFormat")) or "")
    return Attachment(str(value(record.get("prov:label")) or ""), media_type, path, content)


def _recorded(directory: JobDir, location: str) -> bytes | None:
    """Return an attachment's content as a merge would write it."""
    for step in directory.steps():
        for captured in read_captured(step, "", [], is_due=False):
            for one in written(captured.data):
                if one.path == location:
                    return one.content
    return None


def text_of(attachment: Attachment) -> str:
    """Return an attachment's text, its first 4 MiB; empty where it cannot be read."""
    if attachment.content is not None:
        return attachment.content[:_LARGEST_BYTES].decode("utf-8", "replace")
    try:
        with attachment.path.open("rb") as stream:
            return stream.read(_LARGEST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def rows_of(attachment: Attachment) -> list[dict[str, str]]:
    """Return a table's rows, the first 20,000; none where it is no table."""
    found = []
    try:
        reader = csv.DictReader(text_of(attachment).splitlines())
        for number, row in enumerate(reader):
            if number >= _MOST_ROWS:
                break
            found.append({str(key): str(text or "") for key, text in row.items() if key})
    except csv.Error:
        return found
    return found
