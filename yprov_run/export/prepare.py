"""A PROV-JSON document made ready for formats that are stricter than JSON.

In JSON our documents are as the yProv family's programs want them: bare texts for types and times,
slashes in identifiers, two spellings of each time. Here types become qualified names, times and
references what they are, and every local part a name that PROV-XML's schema takes too. Relations to
which PROV gives no identifier lose theirs: under one, RDF would lack their two ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from yprov_run.provenance.records import Attributes, local_part
from yprov_run.provenance.rules.index import ELEMENTS, RELATIONS, moment
from yprov_run.provenance.vocabulary import NAMESPACES

_GOOD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+\Z")
_QUALIFIED = re.compile(r"([A-Za-z_][\w.-]*):([A-Za-z_][\w.-]*)\Z", re.ASCII)
# The family's second spelling of what PROV-JSON has as startTime and endTime.
_SECOND = frozenset({"prov:startedAtTime", "prov:endedAtTime"})
# What PROV has on relations only, and the family on elements.
_OF_ELEMENTS = {"prov:role": "yprov:role", "prov:generatedAtTime": "dcterms:created"}
_NEEDED = {"yprov": NAMESPACES["yprov"], "dcterms": NAMESPACES["dcterms"]}
_TIMES = frozenset({"dcterms:created", "dcterms:modified"})
_NAMELESS = frozenset({"alternateOf", "specializationOf", "mentionOf", "hadMember"})
_REFERENCES = frozenset({"dcterms:isPartOf", "dcterms:conformsTo"})
# The family binds prov-ml, which is no IRI, and which Turtle would take for a file's name.
_PROVML = "https://github.com/HPCI-Lab/yProv4ML/prov-ml#"


def prepare(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document that says the same, as strictly as every format of PROV can say it."""
    return _Preparation(document).document()


class _Preparation:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()
        declared = document.get("prefix")
        self._prefixes = {
            prefix: _address(prefix, str(address))
            for prefix, address in (declared.items() if isinstance(declared, Mapping) else ())
        }
        self._prefixes = {**_NEEDED, **self._prefixes}
        self._elements = {identifier for kind in ELEMENTS for identifier in self._kind(kind)}

    def _kind(self, kind: str) -> Mapping[str, Any]:
        records = self._document.get(kind)
        return records if isinstance(records, Mapping) else {}

    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = {"prefix": self._prefixes}
        for kind in (*ELEMENTS, *RELATIONS):
            for number, (identifier, record) in enumerate(self._kind(kind).items()):
                is_element = kind in ELEMENTS
                name = f"_:{kind}.{number}" if kind in _NAMELESS else self._name(identifier)
                found.setdefault(kind, {})[name] = (
                    [self._record(one, is_element) for one in record]
                    if isinstance(record, list)
                    else self._record(record, is_element)
                )
        bundles = self._kind("bundle")
        if bundles:
            found["bundle"] = {
                self._name(name): prepare({"prefix": self._document.get("prefix", {}), **bundle})
                for name, bundle in bundles.items()
                if isinstance(bundle, Mapping)
            }
        return found

    def _name(self, identifier: str) -> str:
        """Return an identifier with a clean local part; different ones stay different."""
        known = self._names.get(identifier)
        if known is None:
            prefix, colon, local = identifier.rpartition(":")
            clean = local.replace("/", ".")
            clean = clean if _GOOD.match(clean) else f"_{local_part(local)}"
            known = f"{prefix}{colon}{clean}"
            if known in self._taken:
                known = f"{prefix}{colon}{clean}.{local_part(local + '/')[-8:]}"
            self._taken.add(known)
            self._names[identifier] = known
        return known

    def _record(self, record: Any, is_element: bool) -> Attributes:
        if not isinstance(record, Mapping):
            return {}
        formal = {name for ends in RELATIONS.values() for name in ends}
        found: Attributes = {}
        for name, value in record.items():
            if name in _SECOND:
                continue
            if is_element:
                name = _OF_ELEMENTS.get(name, name)
            found[name] = self._names_of(value) if name in formal else self._value(name, value)
        return found

    def _names_of(self, value: Any) -> Any:
        """Return what a relation names as the elements are named: one, or a list of members."""
        if isinstance(value, list):
            return [self._name(one) if isinstance(one, str) else one for one in value]
        return self._name(value) if isinstance(value, str) else value

    def _value(self, name: str, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if name == "prov:type":
            match = _QUALIFIED.match(value)
            if match and (match[1] in self._prefixes or match[1] == "prov"):
                return {"$": value, "type": "prov:QUALIFIED_NAME"}
        elif name in _TIMES and moment(value) is not None:
            return {"$": value, "type": "xsd:dateTime"}
        elif name in _REFERENCES and value in self._elements:
            return {"$": self._name(value), "type": "prov:QUALIFIED_NAME"}
        return value


def _address(prefix: str, address: str) -> str:
    if address == "prov-ml":
        return _PROVML
    return address if _ABSOLUTE.match(address) else f"urn:x-prefix:{local_part(address or prefix)}#"
