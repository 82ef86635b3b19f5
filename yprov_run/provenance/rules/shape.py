"""Shape, names and values: is it PROV-JSON at all, and are its names declared and writable?"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping

from yprov_run.provenance.rules.findings import Finding, pointer
from yprov_run.provenance.rules.index import (
    KINDS,
    Attributes,
    Index,
    is_date_time,
    is_object,
    moment,
)

_BUILT_IN = {
    "prov": "http://www.w3.org/ns/prov#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}
UNSAFE_IRI = re.compile(r'[\s"<>\\{}|^`\x00-\x1f\x7f\ud800-\udfff]')
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_INTEGER = re.compile(r"[+-]?\d{1,40}\Z", re.ASCII)
_WRITTEN: Mapping[str, Callable[[str], object]] = {
    "xsd:integer": _INTEGER.match,
    "xsd:nonNegativeInteger": re.compile(r"\+?\d{1,40}\Z|-0+\Z", re.ASCII).match,
    "xsd:boolean": {"true", "false", "1", "0"}.__contains__,
    "xsd:dateTime": lambda text: is_date_time(text) and moment(text) is not None,
}
_RANGES = {"xsd:int": 1 << 31, "xsd:long": 1 << 63, "xsd:short": 1 << 15, "xsd:byte": 1 << 7}


def check_shape(index: Index) -> Iterator[Finding]:
    """Find what is no part of PROV-JSON, and records that are no objects."""
    known = {"prefix", *KINDS}
    if index.outer is None:
        known.add("bundle")
    for kind, records in index.document.items():
        path = pointer(*index.place, kind)
        if kind not in known:
            yield Finding(path, "not a part of PROV-JSON")
        elif not isinstance(records, Mapping):
            yield Finding(path, "not an object")
        elif kind not in {"prefix", "bundle"}:
            for identifier, record in records.items():
                if is_object(record):
                    continue
                if not isinstance(record, list) or not all(isinstance(r, Mapping) for r in record):
                    yield Finding(pointer(*index.place, kind, identifier), "not an object")


def check_prefixes(index: Index) -> Iterator[Finding]:
    """Find prefixes that are no text, or that give a standard prefix another meaning."""
    declared = index.document.get("prefix")
    for prefix, uri in declared.items() if isinstance(declared, Mapping) else ():
        path = pointer(*index.place, "prefix", prefix)
        if not isinstance(uri, str) or not uri:
            yield Finding(path, "no address")
        elif uri != _BUILT_IN.get(prefix, uri):
            yield Finding(path, f"{prefix} must be {_BUILT_IN[prefix]}")


class Names(dict[str, str]):
    """What is wrong with each name of a document, or nothing: a different one is looked at once."""

    def __init__(self, index: Index) -> None:
        super().__init__()
        declared = index.prefixes()
        self.prefixes = {*declared, *_BUILT_IN, "_"}
        self.has_default = "default" in declared

    def __missing__(self, name: str) -> str:
        found = self[name] = self._look(name)
        return found

    def _look(self, name: str) -> str:
        prefix, colon, _ = name.partition(":")
        if colon and prefix not in self.prefixes:
            return f"prefix {prefix!r} is not declared"
        if not name or UNSAFE_IRI.search(name):
            return f"{name!r} is not a valid name"
        return ""


def check_identifiers(index: Index) -> Iterator[Finding]:
    """Find identifiers with undeclared prefixes, and such as no IRI can hold."""
    names = Names(index)
    for kind in KINDS:
        identifiers = index.ids(kind)
        if _are_good(identifiers, names):
            continue
        for identifier in identifiers:
            problem = names[identifier]
            if not problem and ":" not in identifier and not names.has_default:
                problem = "no prefix, and no default namespace"
            if problem:
                yield Finding(pointer(*index.place, kind, identifier), problem)


def _are_good(identifiers: Collection[str], names: Names) -> bool:
    """Tell of all identifiers at once whether each is good, as nearly always."""
    prefixes = {name.partition(":")[0] for name in identifiers if ":" in name}
    with_prefix = names.has_default or all(":" in name for name in identifiers)
    is_unsafe = "" in identifiers or UNSAFE_IRI.search("/".join(identifiers))
    return with_prefix and prefixes <= names.prefixes and not is_unsafe


def check_values(index: Index) -> Iterator[Finding]:
    """Find attributes with undeclared prefixes, and values that no format can write."""
    names = Names(index)
    for kind, name, records in index.columns():
        if not names[name] and _are_plain([record[name] for _, record in records]):
            continue
        for identifier, record in records:
            if problem := names[name] or _value_problem(record[name], names):
                yield Finding(pointer(*index.place, kind, identifier, name), problem)


def _are_plain(values: list[object]) -> bool:
    """Tell of a column at once that its values are all texts or all numbers that can be written."""
    kinds = set(map(type, values))
    if kinds == {str}:
        return "".join(values).isprintable()  # type: ignore[arg-type]
    return kinds == {float} and math.isfinite(sum(values))  # type: ignore[arg-type]


def _value_problem(value: object, names: Names) -> str:
    if is_object(value):
        return _literal_problem(value, names)
    if isinstance(value, list):
        return next((p for p in (_value_problem(one, names) for one in value) if p), "")
    if isinstance(value, float) and not math.isfinite(value):
        return "not a finite number"
    if value is None:
        return "null, which PROV-JSON does not know"
    if isinstance(value, str) and _CONTROL.search(value):
        return "a control character, or half of one"
    return ""


def _literal_problem(value: Attributes, names: Names) -> str:
    content, datatype = value.get("$"), value.get("type")
    if type(content) is not str and (content is None or isinstance(content, (Mapping, list))):
        return "a typed value without its content"
    if datatype is None:
        return ""
    if not isinstance(datatype, str):
        return "the type of a typed value is no name"
    if problem := names[datatype]:
        return problem
    if datatype in {"xsd:QName", "prov:QUALIFIED_NAME"}:
        return names[str(content)]
    if datatype in _RANGES:
        bound = _RANGES[datatype]
        text = str(content)
        if not _INTEGER.match(text) or not -bound <= int(text) < bound:
            return f"{text[:40]!r} is no {datatype}"
    if datatype in _WRITTEN and not _WRITTEN[datatype](str(content)):
        return f"{str(content)[:40]!r} is no {datatype}"
    if datatype in {"xsd:double", "xsd:float", "xsd:decimal"}:
        return _number_problem(str(content), datatype)
    return ""


def _number_problem(text: str, datatype: str) -> str:
    try:
        number = float(text)
    except ValueError:
        return f"{text[:40]!r} is no {datatype}"
    return "" if math.isfinite(number) else "not a finite number"
