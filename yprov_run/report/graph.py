"""A document as a picture: elements of one kind are one box with a count, laid out in layers.

Ten thousand nodes become about fifteen boxes. Positions are computed here, because browsers choke
on the layout of large graphs. Time flows from left to right: what was used before who used it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from yprov_run.report.layout import Point, lay_out

MEMBERS_SHOWN = 40
_ATTRIBUTES_SHOWN = 24
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

# relation: (attribute at the arrow's tail, attribute at its head), so that time flows forward.
_FLOWS = {
    "used": ("prov:entity", "prov:activity"),
    "wasGeneratedBy": ("prov:activity", "prov:entity"),
    "wasInvalidatedBy": ("prov:activity", "prov:entity"),
    "wasDerivedFrom": ("prov:usedEntity", "prov:generatedEntity"),
    "wasInformedBy": ("prov:informant", "prov:informed"),
    "wasStartedBy": ("prov:trigger", "prov:activity"),
    "wasEndedBy": ("prov:trigger", "prov:activity"),
    "wasAssociatedWith": ("prov:agent", "prov:activity"),
    "wasAttributedTo": ("prov:agent", "prov:entity"),
    "actedOnBehalfOf": ("prov:responsible", "prov:delegate"),
    "specializationOf": ("prov:generalEntity", "prov:specificEntity"),
    "alternateOf": ("prov:alternate2", "prov:alternate1"),
    "hadMember": ("prov:entity", "prov:collection"),
}
KINDS = ("entity", "activity", "agent")
Document = Mapping[str, Any]
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Box:
    """All elements of one kind, type and role; x and y are its upper left corner in pixels."""

    kind: str
    label: str
    count: int
    members: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    x: int = 0
    y: int = 0


@dataclass(frozen=True)
class Edge:
    """All relations of one name between two boxes, by their places in the list of boxes.

    `via` are the points that the arrow passes, each at the left of a layer of boxes.
    """

    source: int
    target: int
    relation: str
    count: int
    via: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Graph:
    """Boxes and edges with positions, and the size of the whole in pixels."""

    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    width: int
    height: int


def collapse(document: Document) -> Graph:
    """Return a PROV-JSON document collapsed by kind, type and role, laid out."""
    owner: dict[str, Key] = {}
    groups: dict[Key, list[tuple[str, Mapping[str, Any]]]] = {}
    for kind in KINDS:
        for identifier, record in _records(document, kind):
            key = (kind, text(record.get("prov:type")) or kind, text(record.get("prov:role")))
            owner.setdefault(identifier, key)
            groups.setdefault(key, []).append((identifier, record))
    keys = list(groups)
    place = {key: number for number, key in enumerate(keys)}
    counts: Counter[tuple[int, int, str]] = Counter()
    for relation, (tail, head) in _FLOWS.items():
        for _, record in _records(document, relation):
            ends = owner.get(text(record.get(tail))), owner.get(text(record.get(head)))
            if ends[0] is not None and ends[1] is not None and ends[0] != ends[1]:
                counts[place[ends[0]], place[ends[1]], relation] += 1
    places = lay_out(len(keys), [ends[:2] for ends in counts])
    edges = tuple(
        Edge(*ends, number, places.ways.get(ends[:2], ())) for ends, number in counts.items()
    )
    boxes = tuple(
        Box(key[0], _label(key), len(groups[key]), _members(groups[key]), *places.corners[number])
        for number, key in enumerate(keys)
    )
    return Graph(boxes, edges, places.width, places.height)


def _records(document: Document, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    records = document.get(kind, {})
    if isinstance(records, Mapping):
        for identifier, record in records.items():
            for one in record if isinstance(record, list) else [record]:
                if isinstance(one, Mapping):
                    yield identifier, one


def text(value: object) -> str:
    """Return an attribute's value as text, its type left off; the first where there are several."""
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, Mapping):
        value = value.get("$", "")
    return value if isinstance(value, str) else "" if value is None else str(value)


def _label(key: Key) -> str:
    kind, type_name, role = key
    name = in_words(type_name) or kind
    return f"{name} ({role})" if role else name


def in_words(type_name: str) -> str:
    """Return a type's name as people write it: `run:NodeExecution` is a node execution."""
    words = _WORDS.split(type_name.rpartition(":")[2])
    return " ".join(word if word.isupper() else word.lower() for word in words)


def _members(
    records: list[tuple[str, Mapping[str, Any]]],
) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    return tuple(
        (
            text(record.get("prov:label")) or identifier,
            (
                ("identifier", identifier),
                *(
                    (name, text(value))
                    for name, value in list(record.items())[:_ATTRIBUTES_SHOWN]
                    if name not in {"prov:label", "prov:startedAtTime", "prov:endedAtTime"}
                ),
            ),
        )
        for identifier, record in records[:MEMBERS_SHOWN]
    )
