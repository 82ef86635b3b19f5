"""The records of the job's own program, as a part of the job's document.

Documents of several ranks have the same identifiers for different things, and `_:id1` in all of
them. So every record of every document gets an identifier of its own, below that document's.
"""

from __future__ import annotations

from collections.abc import Sequence

from yprov_run.merge import fields
from yprov_run.merge.embedded.collect import Embedded
from yprov_run.model import Job
from yprov_run.provenance.guest import GuestDocument, records_of
from yprov_run.provenance.mlflow import add_run
from yprov_run.provenance.records import Records, clean, local_part, own
from yprov_run.provenance.vocabulary import term
from yprov_run.provenance.writers import rank_of, stem_of, writer_of

# Beyond, documents are named and counted but stand only in their files: some 10 MB.
MAX_RECORDS = 30_000
# What a document of any program may make of code that takes it apart.
_UNEXPECTED = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)
_IN_ITS_FILE = "it stands in its file only"


def add_embedded(records: Records, job: Job, found: Sequence[Embedded]) -> None:
    """Add every document once, linked to the task that wrote it, as far as that is known.

    `found` are in the order in which they were first found.
    """
    bases = _bases(found)
    room = MAX_RECORDS
    for one in sorted(found, key=lambda one: (one.step or 0, rank_of(one) or 0, one.name)):
        base = bases[one.name]
        writer = writer_of(records, job, one)
        count = _count(one)
        room -= count
        folded, note = _folded(records, one, base, writer, room)
        _add_file(records, job, one, base, writer, count, note)
        _put(records, folded)


def _bases(found: Sequence[Embedded]) -> dict[str, str]:
    """Return what the identifiers of each document begin with: its stem, if no earlier one has it.

    So a document keeps its identifiers when a further one of the same stem is found.
    """
    first: dict[str, str] = {}
    for one in found:
        first.setdefault(stem_of(one), one.name)
    return {
        one.name: f"ml/{local_part(stem if first[stem] == one.name else one.name)}"
        for one, stem in ((one, stem_of(one)) for one in found)
    }


def _folded(
    records: Records, one: Embedded, base: str, writer: str, room: int
) -> tuple[Records, str]:
    """Return a document's records apart from the job's, and what is not as it was.

    None, and why, where there can be none.

    Apart, as one that fails half-way must leave nothing behind, and cost no other document.
    """
    if not one.content:
        return Records({}), f"no JSON object; {_IN_ITS_FILE}"
    if room < 0:
        return Records({}), "not folded in, as there are too many: it stands in its file"
    apart = Records(dict(records.prefixes))
    try:
        if one.kind == "mlflow":
            return apart, add_run(apart, one.content, base, writer)
        return apart, GuestDocument(apart, one.content, base, writer).add()
    except _UNEXPECTED as error:
        return Records({}), f"not folded in ({type(error).__name__}); {_IN_ITS_FILE}"


def _put(records: Records, apart: Records) -> None:
    records.prefixes.update(apart.prefixes)
    kinds = apart.as_json()
    del kinds["prefix"]
    for kind, added in kinds.items():
        for identifier, attributes in added.items():
            records.add(kind, identifier, attributes)


def _count(one: Embedded) -> int:
    if one.kind == "mlflow":
        parts = ("params", "metrics", "tags")
        return 1 + sum(len(fields.mapping(one.content, part)) for part in parts)
    return sum(1 for _ in records_of(one.content))


def _add_file(
    records: Records, job: Job, one: Embedded, base: str, writer: str, count: int, note: str
) -> None:
    """Add the document itself, as a file beside ours."""
    entity = records.add(
        "entity",
        base,
        {
            "prov:type": term("EmbeddedDocument"),
            "prov:label": clean(one.name),
            "prov:location": clean(one.location),
            "dcterms:identifier": f"{clean(job.directory)}/{clean(one.location)}",
            "schema:encodingFormat": "application/json",
            "schema:sha256": one.sha256,
            "schema:contentSize": str(one.size_bytes),
            **own(recordCount=count, note=note),
        },
    )
    records.relate(
        "wasGeneratedBy", entity, writer, {"prov:entity": entity, "prov:activity": writer}
    )
