"""A job's document from its directory: as it was merged, or made in memory from its record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yprov_run.errors import YprovError
from yprov_run.finding import find_documented, is_plain_file
from yprov_run.jobdir import JobDir
from yprov_run.merge.read import read_job
from yprov_run.provenance.document import build

Document = Mapping[str, Any]


def find(reference: str, base: Path) -> JobDir:
    """Return the job that a directory, a document or a job id names, or raise YprovError."""
    path = Path(reference)
    if path.name == "prov.json" and is_plain_file(path):
        return JobDir(path.parent.resolve())
    return find_documented(reference, base)


def document_of(directory: JobDir) -> Document:
    """Return a job's document: the merged one, else one made from its record, not written.

    Raises YprovError with one clear line where there is neither.
    """
    if is_plain_file(directory.document):
        return load(directory.document)
    return build(read_job(directory), [])


def load(path: Path) -> Document:
    """Return a document on disk. Raises YprovError if it is none."""
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise YprovError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise YprovError(f"{path}: not a PROV-JSON document: not JSON") from error
    if not isinstance(document, dict) or not isinstance(document.get("activity"), dict):
        raise YprovError(f"{path}: not a document of a job: it has no activities")
    return document


def elements(document: Document, kind: str, type_name: str = "") -> dict[str, Mapping[str, Any]]:
    """Return the elements of a kind, of one prov:type where one is named; damage is left out."""
    found = document.get(kind)
    if not isinstance(found, Mapping):
        return {}
    return {
        str(identifier): record
        for identifier, record in found.items()
        if isinstance(record, Mapping) and (not type_name or record.get("prov:type") == type_name)
    }


def main_activity(document: Document) -> tuple[str, Mapping[str, Any]]:
    """Return the job's own activity and its identifier; an empty one where there is none."""
    activities = elements(document, "activity")
    if "job" in activities:
        return "job", activities["job"]
    for identifier, record in activities.items():
        if "/" not in identifier and "yprov:experiment_name" in record:
            return identifier, record
    return "", {}


def value(attribute: object) -> Any:
    """Return an attribute's value without its type: a number where it is typed as one."""
    if isinstance(attribute, list):
        attribute = attribute[0] if attribute else ""
    if not isinstance(attribute, Mapping):
        return attribute
    found, datatype = attribute.get("$"), str(attribute.get("type", ""))
    try:
        if datatype.endswith((":int", ":long", ":integer")):
            return int(str(found))
        if datatype.endswith((":double", ":float", ":decimal")):
            return float(str(found))
    except ValueError:
        return str(found)
    return found


def text_at(record: Mapping[str, Any], name: str) -> str:
    """Return a record's attribute as a text; empty without one."""
    found = value(record.get(name))
    return "" if found is None else str(found)


def structure(attribute: object) -> Any:
    """Return what an attribute's JSON text holds; None where it is none."""
    text = value(attribute)
    if not isinstance(text, str):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
