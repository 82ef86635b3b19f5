"""Files that a document refers to beside it, read with care: packages, libraries, patches."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from yprov_run.report.reading import Document, elements, value

_LARGEST_BYTES = 4 << 20
_MOST_ROWS = 20_000
DIFF, TABLE = "text/x-diff", "text/csv"


class Attachment(NamedTuple):
    """A file that was captured whole: what it is, its kind, and where it is."""

    label: str
    media_type: str
    path: Path


def attachments(document: Document, folder: Path) -> Iterator[Attachment]:
    """Yield what is attached and lies within the job's folder; anything else is left out."""
    for record in elements(document, "entity", "run:Attachment").values():
        attachment = attachment_of(record, folder)
        if attachment is not None:
            yield attachment


def attachment_of(record: Mapping[str, Any], folder: Path) -> Attachment | None:
    """Return one attachment; None where it is gone, or does not lie within the job's folder."""
    location = value(record.get("prov:location"))
    if not isinstance(location, str) or "\0" in location:
        return None
    try:
        path = (folder / location).resolve()
        if not path.is_relative_to(folder.resolve()) or not path.is_file():
            return None
    except OSError:
        return None
    media_type = str(value(record.get("schema:encodingFormat")) or "")
    return Attachment(str(value(record.get("prov:label")) or ""), media_type, path)


def text_of(attachment: Attachment) -> str:
    """Return an attachment's text, its first 4 MiB; empty where it cannot be read."""
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
