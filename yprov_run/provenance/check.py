"""Is a PROV-JSON document valid PROV, and can the yProv family's programs read it? In linear time.

References, disjointness, unique generation, order of times, derivation cycles, prefixes, and the
family's rules. PROV-CONSTRAINTS does not compare clock times; this does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

Document = Mapping[str, Any]

# relation: (its formal attributes, each with the kind of element it names)
_RELATIONS: dict[str, dict[str, str]] = {
    "used": {"prov:activity": "activity", "prov:entity": "entity"},
    "wasGeneratedBy": {"prov:entity": "entity", "prov:activity": "activity"},
    "wasInvalidatedBy": {"prov:entity": "entity", "prov:activity": "activity"},
    "wasDerivedFrom": {"prov:generatedEntity": "entity", "prov:usedEntity": "entity"},
    "wasInformedBy": {"prov:informed": "activity", "prov:informant": "activity"},
    "wasStartedBy": {
        "prov:activity": "activity",
        "prov:trigger": "entity",
        "prov:starter": "activity",
    },
    "wasEndedBy": {"prov:activity": "activity", "prov:trigger": "entity", "prov:ender": "activity"},
    "wasAssociatedWith": {
        "prov:activity": "activity",
        "prov:agent": "agent",
        "prov:plan": "entity",
    },
    "wasAttributedTo": {"prov:entity": "entity", "prov:agent": "agent"},
    "actedOnBehalfOf": {
        "prov:delegate": "agent",
        "prov:responsible": "agent",
        "prov:activity": "activity",
    },
    "specializationOf": {"prov:specificEntity": "entity", "prov:generalEntity": "entity"},
    "alternateOf": {"prov:alternate1": "entity", "prov:alternate2": "entity"},
    "hadMember": {"prov:collection": "entity", "prov:entity": "entity"},
}
_ELEMENTS = ("entity", "activity", "agent")
_BUILT_IN = {"prov", "xsd", "xsi"}
_DATETIME_NAMES = (
    "prov:startTime", "prov:endTime", "prov:startedAtTime", "prov:endedAtTime", "prov:time",
    "prov:generatedAtTime",
)  # fmt: skip
_FAMILY_TEXTS = ("prov:type", "prov:label", *_DATETIME_NAMES)
_UNSAFE_IRI = re.compile(r'[\s"<>\\{}|^`\x00-\x1f]')


def check(document: Document) -> list[str]:
    """Return what is wrong with a document, each with its place; empty if nothing is."""
    return [
        *_check_shape(document),
        *_check_names(document),
        *_check_references(document),
        *_check_disjoint(document),
        *_check_generation(document),
        *_check_times(document),
        *_check_cycles(document),
        *_check_family(document),
    ]


def _records(document: Document, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    records = document.get(kind, {})
    if isinstance(records, Mapping):
        for identifier, record in records.items():
            for one in record if isinstance(record, list) else [record]:
                if isinstance(one, Mapping):
                    yield identifier, one


def _check_shape(document: Document) -> Iterator[str]:
    known = {"prefix", "bundle", *_ELEMENTS, *_RELATIONS}
    for kind, records in document.items():
        if kind not in known:
            yield f"{kind}: not a part of PROV-JSON"
        elif not isinstance(records, Mapping):
            yield f"{kind}: not an object"
        else:
            for identifier, record in records.items():
                if kind != "prefix" and not isinstance(record, (Mapping, list)):
                    yield f"{kind}/{identifier}: not an object"


def _check_names(document: Document) -> Iterator[str]:
    prefixes = {*document.get("prefix", {}), *_BUILT_IN}
    for kind in (*_ELEMENTS, *_RELATIONS):
        for identifier, record in _records(document, kind):
            for name in (identifier, *record):
                prefix, colon, _ = name.partition(":")
                if colon and prefix not in prefixes and prefix != "_":
                    yield f"{kind}/{identifier}: prefix {prefix!r} is not declared"
                if _UNSAFE_IRI.search(name):
                    yield f"{kind}/{identifier}: {name!r} is not a valid name"
            if ":" not in identifier and "default" not in prefixes:
                yield f"{kind}/{identifier}: no prefix, and no default namespace"


def _check_references(document: Document) -> Iterator[str]:
    for relation, formal in _RELATIONS.items():
        for identifier, record in _records(document, relation):
            for name, kind in formal.items():
                target = record.get(name)
                if target is not None and target not in document.get(kind, {}):
                    yield f"{relation}/{identifier}: {name} {target!r} is no {kind} here"


def _check_disjoint(document: Document) -> Iterator[str]:
    activities = set(document.get("activity", {}))
    for kind in ("entity", "agent"):
        for identifier in sorted(activities & set(document.get(kind, {}))):
            yield f"{identifier}: both an activity and an {kind}"
    seen: dict[str, str] = {}
    for relation in _RELATIONS:
        for identifier in document.get(relation, {}):
            owner = seen.setdefault(identifier, relation)
            if owner != relation and not identifier.startswith("_:"):
                yield f"{identifier}: names both a {owner} and a {relation}"


def _check_generation(document: Document) -> Iterator[str]:
    generated: dict[str, str] = {}
    for identifier, record in _records(document, "wasGeneratedBy"):
        entity, activity = record.get("prov:entity"), record.get("prov:activity")
        if isinstance(entity, str) and isinstance(activity, str):
            first = generated.setdefault(entity, activity)
            if first != activity:
                yield f"wasGeneratedBy/{identifier}: {entity!r} was generated by {first!r} already"


def _check_times(document: Document) -> Iterator[str]:
    for kind in (*_ELEMENTS, *_RELATIONS):
        for identifier, record in _records(document, kind):
            for name in _DATETIME_NAMES:
                if name in record and _moment(record[name]) is None:
                    yield f"{kind}/{identifier}: {name} is no time with an offset"
    for identifier, record in _records(document, "activity"):
        start, end = _moment(record.get("prov:startTime")), _moment(record.get("prov:endTime"))
        if start and end and end < start:
            yield f"activity/{identifier}: ends before it starts"
    for identifier, record in _records(document, "used"):
        yield from _check_within(document, "used", identifier, record)
    for identifier, record in _records(document, "wasGeneratedBy"):
        yield from _check_within(document, "wasGeneratedBy", identifier, record)


def _check_within(
    document: Document, relation: str, identifier: str, record: Mapping[str, Any]
) -> Iterator[str]:
    activity = document.get("activity", {}).get(record.get("prov:activity"), {})
    moment = _moment(record.get("prov:time"))
    if moment is None or not isinstance(activity, Mapping):
        return
    start, end = _moment(activity.get("prov:startTime")), _moment(activity.get("prov:endTime"))
    if (start and moment < start) or (end and moment > end):
        yield f"{relation}/{identifier}: its time is outside its activity"


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _check_cycles(document: Document) -> Iterator[str]:
    """Find derivation cycles: peel off what derives from nothing left; what stays is a cycle."""
    sources: dict[str, set[str]] = {}
    derived: dict[str, set[str]] = {}
    for _, record in _records(document, "wasDerivedFrom"):
        later, earlier = record.get("prov:generatedEntity"), record.get("prov:usedEntity")
        if isinstance(later, str) and isinstance(earlier, str):
            sources.setdefault(later, set()).add(earlier)
            derived.setdefault(earlier, set()).add(later)
    free = [entity for entity in derived if entity not in sources]
    while free:
        earlier = free.pop()
        for later in derived.get(earlier, ()):
            sources[later].discard(earlier)
            if not sources[later]:
                del sources[later]
                free.append(later)
    for entity in sorted(sources):
        yield f"wasDerivedFrom: {entity!r} derives from itself, or from what does"


def _check_family(document: Document) -> Iterator[str]:
    for kind in _ELEMENTS:
        if kind not in document:
            yield f"{kind}: missing; programs of the family expect it"
    for kind in _ELEMENTS:
        for identifier, record in _records(document, kind):
            for name in _FAMILY_TEXTS:
                if name in record and not isinstance(record[name], str):
                    yield f"{kind}/{identifier}: {name} is not a plain text"
    for kind in (*_ELEMENTS, *_RELATIONS):
        for identifier, record in document.get(kind, {}).items():
            if isinstance(record, list):
                yield f"{kind}/{identifier}: an array of records"
    mains = [
        identifier
        for identifier, record in _records(document, "activity")
        if "/" not in identifier and "yprov:experiment_name" in record
    ]
    if len(mains) != 1:
        yield f"activity: {len(mains)} main activities (with yprov:experiment_name, without /)"
    if "prov:value" not in document.get("entity", {}).get("execution_command", {}):
        yield "entity/execution_command: missing, or without prov:value"
