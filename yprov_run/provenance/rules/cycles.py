"""Cycles where there can be none: derivation, specialization, being a part of, delegation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from yprov_run.provenance.rules.findings import Finding, pointer
from yprov_run.provenance.rules.index import Index

ORDERS = (
    ("wasDerivedFrom", "prov:generatedEntity", "prov:usedEntity", "derives from"),
    ("specializationOf", "prov:specificEntity", "prov:generalEntity", "is a special case of"),
    ("hadMember", "prov:entity", "prov:collection", "is a member of"),
)
_PART_OF = "dcterms:isPartOf"


def check_cycles(index: Index) -> Iterator[Finding]:
    """Find elements that stand before themselves in an order."""
    for relation, later, earlier, words in ORDERS:
        pairs = [(record.get(later), record.get(earlier)) for _, record in index.records(relation)]
        for identifier in _in_cycles(pairs):
            path = pointer(*index.place, relation)
            yield Finding(path, f"{identifier!r} {words} itself, or what does")
    parts = [(name, record.get(_PART_OF)) for name, record in index.records("activity")]
    for identifier in _in_cycles(parts):
        path = pointer(*index.place, "activity", identifier)
        yield Finding(path, "is a part of itself, or of what is")


def _in_cycles(pairs: Iterable[tuple[object, object]]) -> list[str]:
    """Peel off what stands on nothing that is left; what stays is in a cycle, or on one."""
    unique = {(a, b) for a, b in pairs if isinstance(a, str) and isinstance(b, str)}
    below: Counter[str] = Counter()
    above: dict[str, list[str]] = {}
    for later, earlier in unique:
        below[later] += 1
        above.setdefault(earlier, []).append(later)
    free = [identifier for identifier in above if identifier not in below]
    while free:
        for later in above.get(free.pop(), ()):
            below[later] -= 1
            if not below[later]:
                del below[later]
                free.append(later)
    return sorted(below)


def closing(edges: Iterable[tuple[int, str, str]]) -> set[int]:
    """Return the numbers of the edges that lead back to where a walk along the others came from.

    Edges are (number, from, to); walks begin in their order.
    """
    leading: dict[str, list[tuple[int, str]]] = {}
    for number, start, target in edges:
        leading.setdefault(start, []).append((number, target))
    found: set[int] = set()
    done: set[str] = set()
    for start in leading:
        path = {} if start in done else {start: iter(leading[start])}
        while path:
            at = next(reversed(path))
            edge = next(path[at], None)
            if edge is None:
                del path[at]
                done.add(at)
            elif edge[1] in path:
                found.add(edge[0])
            elif edge[1] in leading and edge[1] not in done:
                path[edge[1]] = iter(leading[edge[1]])
    return found
