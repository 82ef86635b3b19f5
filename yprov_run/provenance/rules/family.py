"""The rules of the yProv family's programs, as far as they go beyond PROV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from yprov_run.provenance.rules.findings import Finding, pointer
from yprov_run.provenance.rules.index import ELEMENTS, KINDS, Index

_TEXTS = frozenset({
    "prov:type", "prov:label", "prov:startTime", "prov:endTime", "prov:startedAtTime",
    "prov:endedAtTime", "prov:time", "prov:generatedAtTime",
})  # fmt: skip
_COMMAND = "execution_command"


def check_family(index: Index) -> Iterator[Finding]:
    """Find what a program of the family would fail on, or not show."""
    yield from _check_texts(index)
    if index.outer is not None:
        yield Finding(pointer(*index.place), "a bundle: dropped by yProv", "family")
        return
    for kind in ELEMENTS:
        if kind not in index.document:
            yield Finding(pointer(kind), "missing; programs of the family expect it", "family")
    mains = [
        identifier
        for identifier, record in index.records("activity")
        if "/" not in identifier and "yprov:experiment_name" in record
    ]
    if len(mains) != 1:
        words = f"{len(mains)} main activities (with yprov:experiment_name, without /)"
        yield Finding(pointer("activity"), words, "family")
    command = index.ids("entity").get(_COMMAND)
    if not isinstance(command, Mapping) or "prov:value" not in command:
        yield Finding(pointer("entity", _COMMAND), "missing, or without prov:value", "family")


def _check_texts(index: Index) -> Iterator[Finding]:
    for kind, name, records in index.columns(_TEXTS, ELEMENTS):
        for identifier, record in records:
            if not isinstance(record[name], str):
                path = pointer(*index.place, kind, identifier, name)
                yield Finding(path, "not a plain text", "family")
    for kind in KINDS:
        for identifier, record in index.ids(kind).items():
            if isinstance(record, list):
                path = pointer(*index.place, kind, identifier)
                yield Finding(path, "an array of records", "family")
