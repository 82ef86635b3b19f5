"""Is a PROV-JSON document valid PROV, and can the yProv family's programs read it? In linear time.

References, disjointness, unique generation, order of times, cycles, identifier reuse, prefixes,
values, the family's rules, and the ranges of our own terms. PROV-CONSTRAINTS does not compare clock
times; this does.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from yprov_run.errors import YprovError
from yprov_run.provenance.rules import cycles, family, order, ranges, relations, shape
from yprov_run.provenance.rules.findings import Finding, pointer
from yprov_run.provenance.rules.index import Index
from yprov_run.provenance.vocabulary import RUN

Document = Mapping[str, Any]

_RULES = (
    shape.check_shape,
    shape.check_prefixes,
    shape.check_identifiers,
    shape.check_values,
    relations.check_references,
    relations.check_disjoint,
    relations.check_reuse,
    relations.check_unique_events,
    order.check_times,
    cycles.check_cycles,
    family.check_family,
    ranges.check_ranges,
)


def check(document: Document) -> list[str]:
    """Return what is wrong with a document, each with its place; empty if nothing is."""
    return [str(finding) for finding in findings(document)]


def findings(document: Document) -> Iterator[Finding]:
    """Yield what is wrong with a document and with each bundle in it."""
    whole = Index(document)
    for index in (whole, *_bundles(whole)):
        for rule in _RULES:
            yield from rule(index)


def is_ours(document: Document) -> bool:
    """Tell whether a document is of our own making: the family's rules hold for it then."""
    prefixes = document.get("prefix")
    return isinstance(prefixes, Mapping) and prefixes.get("run") == RUN


def _bundles(whole: Index) -> Iterator[Index]:
    bundles = whole.document.get("bundle")
    for identifier, bundle in bundles.items() if isinstance(bundles, Mapping) else ():
        if isinstance(bundle, Mapping):
            yield Index(bundle, place=("bundle", identifier), outer=whole)


def parse(content: bytes) -> tuple[dict[str, Any], list[Finding]]:
    """Return a document from its bytes, and the names that stand in one object twice.

    JSON readers keep the last of two equal names and lose the first without a word. Raises
    YprovError where the bytes are no JSON object.
    """
    twice: list[str] = []

    def take(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            counts = Counter(name for name, _ in pairs)
            twice.extend(name for name, count in counts.items() if count > 1)
        return found

    try:
        document = json.loads(content, object_pairs_hook=take)
    except (ValueError, RecursionError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else error
        raise YprovError(f"not JSON: {what}") from None
    if not isinstance(document, dict):
        raise YprovError("not PROV-JSON: the document is no object")
    places = {kind: value for kind, value in document.items() if isinstance(value, dict)}
    return document, [Finding(_place(places, name), "stands there twice") for name in twice]


def _place(kinds: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """Return where a name stands: as an identifier if there is one, else just the name."""
    kind = next((kind for kind, records in kinds.items() if name in records), None)
    return pointer(name) if kind is None else pointer(kind, name)
