"""One PROV-JSON document of the job's own program on its way into the job's document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from yprov_run.provenance import foreign
from yprov_run.provenance.records import Attributes, Records, clean, local_part, own
from yprov_run.provenance.rules.cycles import ORDERS, closing
from yprov_run.provenance.rules.index import ELEMENTS, RELATIONS
from yprov_run.provenance.rules.relations import UNIQUE
from yprov_run.provenance.vocabulary import term

_Record = tuple[str, str, Mapping[str, Any]]
_TIMES = {
    "activity": frozenset({"prov:startTime", "prov:endTime", "prov:generatedAtTime"}),
    "entity": frozenset({"prov:generatedAtTime"}),
    "agent": frozenset({"prov:generatedAtTime"}),
}
_OF_A_RELATION = frozenset({"prov:time", "prov:generatedAtTime"})


def records_of(content: Mapping[str, Any], losses: Counter[str] | None = None) -> Iterator[_Record]:
    """Yield (kind, identifier, record) of a document and its bundles, arrays taken apart.

    What is no record is counted in `losses`.
    """
    losses = Counter() if losses is None else losses
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
                        yield from _apart(kind, identifier, each)
                    else:
                        losses["records that are no objects, left out"] += 1


def _apart(kind: str, identifier: str, record: Mapping[str, Any]) -> Iterator[_Record]:
    members = record.get("prov:entity") if kind == "hadMember" else None
    if not isinstance(members, list):
        yield kind, identifier, record
        return
    for member in members:
        yield kind, identifier, {**record, "prov:entity": member}


class GuestDocument:
    """A document on its way into ours; `base` is what its identifiers begin with."""

    def __init__(
        self, records: Records, content: Mapping[str, Any], base: str, writer: str
    ) -> None:
        self._records = records
        self._content = content
        self._base = base
        self._writer = writer
        self._values = foreign.Values(content, records.prefixes)
        self._ids: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()
        self._spans: dict[str, tuple[str, str]] = {}
        self._events: dict[tuple[str, str], set[str]] = {}

    def add(self) -> str:
        """Add all elements, then all relations; return in words what is not as it was."""
        parts = list(records_of(self._content, self._values.losses))
        for (kind, identifier), element in _elements(parts).items():
            self._add_element(kind, identifier, element)
        closing_a_circle = _closing(parts)
        for number, (kind, _, record) in enumerate(parts):
            if kind in RELATIONS:
                self._add_relation(kind, number, record, number in closing_a_circle)
        self._link(parts)
        return "; ".join(f"{words}: {count}" for words, count in self._values.losses.items())

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
        attributes = self._values.attributes(record, _TIMES[kind])
        if "prov:label" not in attributes:
            attributes["prov:label"] = clean(original)
        if kind == "activity":
            attributes.update(self._span(identifier, record))
        elif kind == "agent":
            attributes.setdefault("prov:type", "prov:Agent")
        self._records.add(kind, identifier, attributes)

    def _span(self, identifier: str, record: Mapping[str, Any]) -> Attributes:
        times = self._values.times(record)
        start, end = times.get("prov:startTime", ""), times.get("prov:endTime", "")
        if start and end and end < start:
            return own(note=f"its end, {end}, is before its start, {start}: neither is taken")
        self._spans[identifier] = (start, end)
        both = {"prov:startTime": start, "prov:startedAtTime": start,
                "prov:endTime": end, "prov:endedAtTime": end}  # fmt: skip
        return {name: time for name, time in both.items() if time}

    def _add_relation(
        self, relation: str, number: int, record: Mapping[str, Any], closes_a_circle: bool
    ) -> None:
        formal = RELATIONS[relation]
        ends: Attributes = {}
        for name, kind in formal.items():
            target = self._target(record.get(name))
            if target is not None:
                ends[name] = self._end(kind.rstrip("!"), target)
        rest = {name: value for name, value in record.items() if name not in formal}
        attributes = {**ends, **self._values.attributes(rest, _OF_A_RELATION)}
        missing = [n for n, kind in formal.items() if kind.endswith("!") and n not in ends]
        note = self._problem(relation, ends) if not missing else f"without its {missing[0]}"
        if not note and closes_a_circle:
            note = "it closes a circle"
        if note or len(ends) < 2:
            self._refuse(relation, number, attributes, note or "without its other end")
            return
        time = self._values.times(record).get("prov:time")
        if time and self._is_within(ends.get("prov:activity"), time):
            attributes["prov:time"] = time
        elif time:
            attributes["yprov:prov.time"] = time
            self._values.losses["times outside their activity, as texts"] += 1
        self._records.add(relation, f"{relation}/{self._base}/{number}", attributes)

    def _target(self, target: object) -> str | None:
        if isinstance(target, list) and len(target) > 1:
            self._values.losses["lists of ends, of which the first is taken"] += 1
        return _name(target)

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
        if relation in UNIQUE:
            thing_name, by_name, words = UNIQUE[relation]
            thing, by = ends[thing_name], ends.get(by_name)
            earlier = self._events.setdefault((relation, thing), set())
            if by is not None and (by in earlier or (earlier and thing_name == "prov:entity")):
                return f"{thing} {words.removesuffix(' by')} already"
            earlier.update({by} if by is not None else ())
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

    def _link(self, parts: Sequence[_Record]) -> None:
        """Make the document's outermost activities part of what wrote it."""
        informed = {
            record.get("prov:informed")
            for kind, _, record in parts
            if kind == "wasInformedBy" and isinstance(record.get("prov:informed"), str)
        }
        for (kind, original), identifier in list(self._ids.items()):
            if kind == "activity" and original not in informed:
                self._records.get("activity", identifier)["dcterms:isPartOf"] = self._writer
                self._records.relate(
                    "wasInformedBy", identifier, self._writer,
                    {"prov:informed": identifier, "prov:informant": self._writer},
                )  # fmt: skip


def _elements(parts: Sequence[_Record]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the elements, those of one name as one with the values of all."""
    elements: dict[tuple[str, str], dict[str, Any]] = {}
    for kind, identifier, record in parts:
        if kind not in ELEMENTS:
            continue
        known = elements.setdefault((kind, identifier), {})
        for name, value in record.items():
            if name not in known:
                known[name] = value
            elif known[name] != value:
                known[name] = [*_listed(known[name]), *_listed(value)]
    return elements


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _closing(parts: Sequence[_Record]) -> set[int]:
    """Return the numbers of the relations without which there are no circles."""
    found: set[int] = set()
    for relation, later, earlier, _ in ORDERS:
        edges = [
            (number, _name(record.get(later)), _name(record.get(earlier)))
            for number, (kind, _, record) in enumerate(parts)
            if kind == relation
        ]
        found |= closing([(n, a, b) for n, a, b in edges if a is not None and b is not None])
    return found


def _name(target: object) -> str | None:
    """Return what an end of a relation names, of several the first; None if that is no name."""
    if isinstance(target, list):
        target = target[0] if target else None
    if isinstance(target, Mapping):
        target = target.get("$")
    return target if isinstance(target, str) else None
