"""A PROV-JSON document as it is being built: records, identifiers, typed values."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from yprov_run.provenance.vocabulary import TERMS, term

Attributes = dict[str, Any]

_INT = 1 << 31
_TYPES = {name: (term(name), each.datatype) for name, each in TERMS.items()}

_LOCAL = re.compile(r"[^A-Za-z0-9_.-]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def local_part(text: str) -> str:
    """Return text as a part of an identifier; different texts never give the same part."""
    clean = _LOCAL.sub("_", text)[:80]
    if clean == text and clean:
        return clean
    return f"{clean}.{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def utc(time_ms: int) -> str:
    """Return ms since the epoch as an xsd:dateTime with offset; the nearest year it can hold."""
    bounded = max(0, min(time_ms, 253_402_300_799_000))
    return (_EPOCH + timedelta(milliseconds=bounded)).isoformat(timespec="milliseconds")


def clean(text: str) -> str:
    """Return text that every PROV format can carry: no control characters, no lone surrogates."""
    if text.isascii() and text.isprintable():
        return text  # nearly all are
    return _CONTROL.sub("\ufffd", text)


def compact(value: object) -> str:
    """Return a structure as one JSON text, for an attribute that can hold only a text."""
    return clean(json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False))


def digest(value: object) -> str:
    """Return eight characters that tell structures apart, for identifiers."""
    return hashlib.sha256(compact(value).encode()).hexdigest()[:8]


def own(**values: object) -> Attributes:
    """Return attributes of our own terms, typed as the vocabulary says; None is left out."""
    return typed(values, 10)


def typed(values: Mapping[str, object], digits: int) -> Attributes:
    """Return attributes as `own` does, numbers that are no integers with so many digits."""
    attributes: Attributes = {}
    for name, value in values.items():
        if value is not None and value != "":
            prefixed, datatype = _TYPES[name]
            attributes[prefixed] = _typed(value, datatype, digits)
    return attributes


def _typed(value: Any, datatype: str, digits: int) -> Any:
    if datatype == "xsd:double":
        return float(f"{value:.{digits}g}")  # a JSON number is an xsd:double or xsd:int
    if datatype in {"xsd:int", "xsd:long"}:
        whole = round(value)
        # Only a damaged record has a larger one; it is no xsd:int then, but stays what it is.
        fits = -_INT <= whole < _INT
        return {"$": str(whole), "type": datatype if fits else "xsd:long"}
    return clean(value) if isinstance(value, str) else compact(value)


def times(started_ms: int | None, ended_ms: int | None) -> Attributes:
    """Return an activity's times in both spellings: PROV-JSON's, and PROV-O's as the family's."""
    attributes: Attributes = {}
    if started_ms is not None:
        attributes["prov:startTime"] = attributes["prov:startedAtTime"] = utc(started_ms)
    if ended_ms is not None and (started_ms is None or ended_ms >= started_ms):
        attributes["prov:endTime"] = attributes["prov:endedAtTime"] = utc(ended_ms)
    return attributes


def relation_id(kind: str, left: str, right: str) -> str:
    """Return a relation's identifier, made of what it relates."""
    return f"{kind}/{left}/{right}".replace(":", ".")


class Records:
    """The records of a document, by kind and identifier.

    `versions` has the entities of its files, by path, size, time and inode: by these alone a step
    knows what it changed.
    """

    def __init__(self, prefixes: dict[str, str]) -> None:
        self._prefixes = prefixes
        self.versions: dict[tuple[object, ...], str] = {}
        self._kinds: dict[str, dict[str, Attributes]] = {
            "entity": {}, "activity": {}, "agent": {},
        }  # fmt: skip

    def add(self, kind: str, identifier: str, attributes: Attributes) -> str:
        """Add an element or relation; one that is there already keeps its first attributes."""
        self._kinds.setdefault(kind, {}).setdefault(identifier, attributes)
        return identifier

    @property
    def prefixes(self) -> dict[str, str]:
        """The document's prefixes; more may be declared."""
        return self._prefixes

    def get(self, kind: str, identifier: str) -> Attributes:
        """Return the attributes of a record that is there; KeyError if it is not."""
        return self._kinds[kind][identifier]

    def relate(self, kind: str, left: str, right: str, attributes: Attributes) -> None:
        """Add a relation under an identifier made of what it relates."""
        self.add(kind, relation_id(kind, left, right), attributes)

    def has(self, kind: str, identifier: str) -> bool:
        """Tell whether there is such an element or relation."""
        return identifier in self._kinds.get(kind, {})

    def extend(self, kind: str, identifier: str, attributes: Attributes) -> None:
        """Add attributes to what is there; those that it has stay as they are."""
        if (found := self._kinds.get(kind, {}).get(identifier)) is not None:
            for name, value in attributes.items():
                found.setdefault(name, value)

    def use(self, activity: str, entity: str, role: str) -> None:
        """Add that an activity used an entity in a role."""
        self.relate(
            "used", activity, entity,
            {"prov:activity": activity, "prov:entity": entity, "prov:role": role},
        )  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """Return the document, elements first, in the order in which they were added."""
        return {"prefix": self._prefixes, **self._kinds}
