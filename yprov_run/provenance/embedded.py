"""The records of the job's own program, as a part of the job's document.

Documents of several ranks have the same identifiers for different things, and `_:id1` in all of
them. So every record of every document gets an identifier of its own, below that document's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timezone
from typing import Any

from yprov_run.merge import fields
from yprov_run.merge.embedded.collect import Embedded
from yprov_run.model import Job
from yprov_run.provenance import foreign
from yprov_run.provenance.mlflow import add_run
from yprov_run.provenance.records import Attributes, Records, clean, local_part, own
from yprov_run.provenance.rules.index import ELEMENTS, RELATIONS
from yprov_run.provenance.vocabulary import term
from yprov_run.provenance.writers import rank_of, stem_of, writer_of

# Beyond, documents are named and counted but stand only in their files: some 10 MB.
MAX_RECORDS = 30_000
# What a document of any program may make of code that takes it apart.
_UNEXPECTED = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)
_IN_ITS_FILE = "it stands in its file only"


def add_embedded(records: Records, job: Job, found: Sequence[Embedded]) -> None:
    """Add every document once, linked to the task that wrote it, as far as that is known."""
    stems = Counter(stem_of(one) for one in found)
    room = MAX_RECORDS
    for one in sorted(found, key=lambda one: (one.step or 0, rank_of(one) or 0, one.name)):
        stem = stem_of(one)
        base = f"ml/{local_part(stem if stems[stem] == 1 else one.name)}"
        writer = writer_of(records, job, one)
        count = _count(one)
        room -= count
        folded, note = _folded(records, one, base, writer, room)
        _add_file(records, job, one, base, writer, count, note)
        _put(records, folded)


def _folded(
    records: Records, one: Embedded, base: str, writer: str, room: int
) -> tuple[Records, str]:
    """Return a document's records apart from the job's; none, and why, where there can be none.

    Apart, as one that fails half-way must leave nothing behind, and cost no other document.
    """
    if not one.content:
        return Records({}), f"no JSON object; {_IN_ITS_FILE}"
    if room < 0:
        return Records({}), "not folded in, as there are too many: it stands in its file"
    apart = Records(dict(records.prefixes))
    try:
        if one.kind == "mlflow":
            add_run(apart, one.content, base, writer)
        else:
            _Document(apart, one.content, base, writer).add()
    except _UNEXPECTED as error:
        return Records({}), f"not folded in ({type(error).__name__}); {_IN_ITS_FILE}"
    return apart, ""


def _put(records: Records, apart: Records) -> None:
    records.prefixes.update(apart.prefixes)
    kinds = apart.as_json()
    del kinds["prefix"]
    for kind, added in kinds.items():
        for identifier, attributes in added.items():
            records.add(kind, identifier, attributes)


def _kinds(content: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield (kind, identifier, record) of a document and its bundles, arrays taken apart."""
    bundles = content.get("bundle")
    inner = list(bundles.values()) if isinstance(bundles, Mapping) else []
    for part in (content, *inner):
        if not isinstance(part, Mapping):
            continue
        for kind in (*ELEMENTS, *RELATIONS):
            records = part.get(kind)
            for identifier, record in records.items() if isinstance(records, Mapping) else ():
                for each in record if isinstance(record, list) else [record]:
                    if isinstance(each, Mapping):
                        yield kind, identifier, each


def _count(one: Embedded) -> int:
    if one.kind == "mlflow":
        parts = ("params", "metrics", "tags")
        return 1 + sum(len(fields.mapping(one.content, part)) for part in parts)
    return sum(1 for _ in _kinds(one.content))


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


class _Document:
    """One foreign document on its way into ours."""

    def __init__(
        self, records: Records, content: Mapping[str, Any], base: str, writer: str
    ) -> None:
        self._records = records
        self._content = content
        self._base = base
        self._writer = writer
        self._names = foreign.Names(content.get("prefix"), records.prefixes)
        self._zone: timezone = foreign.zone_of(fields.mapping(content, "activity"))
        self._ids: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()
        self._spans: dict[str, tuple[str, str]] = {}
        self._generated: dict[str, str] = {}

    def add(self) -> None:
        """Add all elements, then all relations."""
        parts = list(_kinds(self._content))
        for kind, identifier, record in parts:
            if kind in ELEMENTS:
                self._add_element(kind, identifier, record)
        for number, (kind, _, record) in enumerate(parts):
            if kind in RELATIONS:
                self._add_relation(kind, number, record)
        self._link()

    def _identifier(self, kind: str, original: str) -> str:
        known = self._ids.get((kind, original))
        if known is None:
            known = f"{self._base}/{local_part(original)}"
            if known in self._taken:  # one name for things of two kinds
                known = f"{self._base}/{kind}.{local_part(original)}"
            self._taken.add(known)
            self._ids[kind, original] = known
        return known

    def _add_element(self, kind: str, original: str, record: Mapping[str, Any]) -> None:
        identifier = self._identifier(kind, original)
        attributes = foreign.attributes(record, self._names, self._zone)
        if "prov:label" not in attributes:
            attributes["prov:label"] = clean(original)
        if kind == "activity":
            attributes.update(self._span(identifier, record))
        elif kind == "agent":
            attributes.setdefault("prov:type", "prov:Agent")
        self._records.add(kind, identifier, attributes)

    def _span(self, identifier: str, record: Mapping[str, Any]) -> Attributes:
        times = foreign.times(record, self._zone)
        start, end = times.get("prov:startTime", ""), times.get("prov:endTime", "")
        if start and end and end < start:
            return own(note=f"its end, {end}, is before its start, {start}: neither is taken")
        self._spans[identifier] = (start, end)
        both = {"prov:startTime": start, "prov:startedAtTime": start,
                "prov:endTime": end, "prov:endedAtTime": end}  # fmt: skip
        return {name: time for name, time in both.items() if time}

    def _add_relation(self, relation: str, number: int, record: Mapping[str, Any]) -> None:
        formal = RELATIONS[relation]
        ends: Attributes = {}
        for name, kind in formal.items():
            target = record.get(name)
            if isinstance(target, list):
                target = target[0] if target else None
            if isinstance(target, Mapping):
                target = target.get("$")
            if isinstance(target, str):
                ends[name] = self._end(kind.rstrip("!"), target)
        rest = {name: value for name, value in record.items() if name not in formal}
        attributes = {**ends, **foreign.attributes(rest, self._names, self._zone)}
        missing = [n for n, kind in formal.items() if kind.endswith("!") and n not in ends]
        note = self._problem(relation, ends) if not missing else f"without its {missing[0]}"
        if note or len(ends) < 2:
            self._refuse(relation, number, attributes, note or "without its other end")
            return
        time = foreign.times(record, self._zone).get("prov:time")
        if time and self._is_within(ends.get("prov:activity"), time):
            attributes["prov:time"] = time
        self._records.add(relation, f"{relation}/{self._base}/{number}", attributes)

    def _end(self, kind: str, original: str) -> str:
        """Return what a relation names; what is nowhere described is made known by its name."""
        if kind in {"any", "elsewhere"}:
            kind = next((k for k in ELEMENTS if (k, original) in self._ids), "entity")
        if (kind, original) not in self._ids:
            self._add_element(kind, original, {})
            identifier = self._ids[kind, original]
            self._records.get(kind, identifier).update(own(note="named, and nowhere described"))
        return self._ids[kind, original]

    def _problem(self, relation: str, ends: Attributes) -> str:
        """Return why PROV does not allow this relation beside the others; empty if it does."""
        values = list(ends.values())
        if relation in {"wasDerivedFrom", "specializationOf", "hadMember"} and (
            values[0] == values[1]
        ):
            return "of a thing to itself"
        if relation == "wasGeneratedBy" and "prov:activity" in ends:
            entity, activity = ends["prov:entity"], ends["prov:activity"]
            if entity in self._generated:
                return f"{entity} was generated already"
            self._generated[entity] = activity
        if relation == "wasInformedBy":
            informed = self._spans.get(ends["prov:informed"], ("", ""))
            informant = self._spans.get(ends["prov:informant"], ("", ""))
            if informed[1] and informant[0] and informed[1] < informant[0]:
                return "it ends before what informed it starts"
        return ""

    def _is_within(self, activity: str | None, time: str) -> bool:
        start, end = self._spans.get(activity or "", ("", ""))
        return not ((start and time < start) or (end and time > end))

    def _refuse(self, relation: str, number: int, record: Attributes, why: str) -> None:
        """Keep a relation that is not valid as a text, so that nothing is lost."""
        self._records.add(
            "entity",
            f"{self._base}/refused.{number}",
            {
                "prov:type": term("RefusedRecord"),
                "prov:label": relation,
                "prov:value": str(record),
                **own(note=why),
            },
        )

    def _link(self) -> None:
        """Make the document's outermost activities part of what wrote it."""
        informed = {
            record.get("prov:informed")
            for kind, _, record in _kinds(self._content)
            if kind == "wasInformedBy" and isinstance(record.get("prov:informed"), str)
        }
        for (kind, original), identifier in list(self._ids.items()):
            if kind == "activity" and original not in informed:
                self._records.get("activity", identifier)["dcterms:isPartOf"] = self._writer
                self._records.relate(
                    "wasInformedBy", identifier, self._writer,
                    {"prov:informed": identifier, "prov:informant": self._writer},
                )  # fmt: skip
