"""A document in another format of W3C PROV, as `yprov-inspect export --format` writes it."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from yprov_run.cli.inspections.check import read_document


class Format(str, Enum):
    """The formats beside PROV-JSON."""

    provn = "provn"
    xml = "xml"
    ttl = "ttl"
    trig = "trig"
    jsonld = "jsonld"
    dot = "dot"


def converted(source: Path, form: Format) -> str:
    """Return the document in a file in another format. Raises YprovError."""
    # Here and not above: nothing else needs prov.
    from yprov_run.export.formats import convert

    document, _ = read_document(source)
    return convert(document, form.value).decode()
