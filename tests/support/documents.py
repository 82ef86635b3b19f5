"""Reading documents in tests: each must pass the checks and load in `prov`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from prov.model import ProvDocument

from yprov_run.provenance.check import check
from yprov_run.provenance.rules.sidefiles import check_side_files

Document = dict[str, Any]


def load(path: Path) -> Document:
    """Return a document that is valid PROV, readable by the family, and true of its side files."""
    text = path.read_text(encoding="utf-8")
    document: Document = json.loads(text)
    faults = check(document)
    assert not faults, faults
    assert sorted(p.name for p in path.parent.glob("*.json")) == ["prov.json"]
    loaded = ProvDocument.deserialize(content=text, format="json")
    assert loaded.unified().get_records()
    assert loaded.flattened().get_records()
    assert list(check_side_files(document, path.parent, lambda share: None)) == []
    for entity in document["entity"].values():
        if "run:rowCount" in entity:
            content = (path.parent / entity["prov:location"]).read_bytes()
            content = content[: int(entity["schema:contentSize"])]  # a running job's samples grow
            rows = content.count(b"\n") - 1
            assert rows == int(entity["run:rowCount"]["$"]), entity["prov:location"]
    return document


def job(document: Document) -> Document:
    """Return the job's attributes, typed values unwrapped."""
    return plain(document["activity"]["job"])


def plain(record: Document) -> Document:
    """Return a record with numbers for its typed numbers."""
    return {
        name: float(value["$"]) if isinstance(value, dict) else value
        for name, value in record.items()
    }


def of_type(document: Document, kind: str, type_name: str) -> dict[str, Document]:
    """Return the elements of one prov:type."""
    return {
        identifier: record
        for identifier, record in document[kind].items()
        if record.get("prov:type") == type_name
    }


def gaps(document: Document) -> list[str]:
    """Return the job's gaps as texts, `where: what`."""
    return [f"{where}: {what}" for where, what in json.loads(job(document).get("run:gaps", "[]"))]
