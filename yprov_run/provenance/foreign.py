"""Values of documents that are not ours, brought into a form that every reader of ours can take.

The dialects: typed literals, also on attributes where the family's programs want bare texts;
`text^^xsd:type` in one text; times without an offset, of the zone that the document names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from yprov_run.provenance.records import Attributes, clean, compact, utc
from yprov_run.provenance.rules.index import moment
from yprov_run.provenance.vocabulary import NAMESPACES

_SUFFIX = re.compile(r"(.*)\^\^[A-Za-z_][\w-]*:\w+\Z", re.DOTALL)
_ZONE = re.compile(r"UTC([+-])(\d\d):?(\d\d)\Z")
_TIMES = {
    "prov:startTime": "prov:startTime", "prov:startedAtTime": "prov:startTime",
    "prov:endTime": "prov:endTime", "prov:endedAtTime": "prov:endTime",
    "prov:time": "prov:time", "prov:generatedAtTime": "prov:generatedAtTime",
}  # fmt: skip
_BARE = {"prov:type", "prov:label", "prov:role", "prov:value", "prov:location"}
_XSD = {"xsd": "xsd", "xsd_1": "xsd"}
_NUMBERS = re.compile(r"xsd:(double|float|decimal)\Z")
_INTEGERS = {"xsd:int": 1 << 31, "xsd:long": 1 << 63, "xsd:integer": 1 << 63}
_MAX_TEXT = 1 << 16
_MAX_DEPTH = 8
_TOO_DEEP = "nested too deep to be shown: it stands in its file"


def zone_of(activities: Mapping[str, Any]) -> timezone:
    """Return the time zone that any activity of a document names; UTC if none does."""
    for record in activities.values():
        name = record.get("yprov:time_zone") if isinstance(record, Mapping) else None
        match = _ZONE.match(name) if isinstance(name, str) else None
        if match:
            offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
            if offset < timedelta(hours=24):
                return timezone(-offset if match[1] == "-" else offset)
    return timezone.utc


def attributes(record: Mapping[str, Any], names: Names, zone: timezone) -> Attributes:
    """Return a record's attributes but for its times and ends, each in a form that all can read."""
    found: Attributes = {}
    for name, value in record.items():
        kept = names.attribute(name)
        if kept in _TIMES or value is None:
            continue
        found[kept] = _text(value) if kept in _BARE else _value(value)
    made = times(record, zone).get("prov:generatedAtTime")
    if made:
        found["prov:generatedAtTime"] = made
    return found


def times(record: Mapping[str, Any], zone: timezone) -> dict[str, str]:
    """Return a record's times in UTC under PROV-JSON's names; what is no time is left out."""
    found = {}
    for name, kept in _TIMES.items():
        if name in record and kept not in found:
            time = moment(_plain(record[name]))
            if time is not None:
                found[kept] = _in_utc(time, zone)
    return found


def _in_utc(time: datetime, zone: timezone) -> str:
    whole = time if time.tzinfo else time.replace(tzinfo=zone)
    try:
        return utc(int(whole.timestamp() * 1000))
    except (ValueError, OverflowError):
        return utc(0)


def _plain(value: object) -> object:
    """Unwrap a typed literal, and take the type off a text that carries it."""
    if isinstance(value, Mapping):
        value = value.get("$")
    match = _SUFFIX.match(value) if isinstance(value, str) else None
    return match.group(1) if match else value


def _text(value: object, depth: int = 0) -> str:
    """Return a value as one bare text; lists in lists as JSON, beyond a depth that programs use."""
    if isinstance(value, list) and depth < _MAX_DEPTH:
        return ", ".join(_text(one, depth + 1) for one in value)
    inner = _plain(value) if not isinstance(value, Mapping) or "$" in value else value
    if isinstance(inner, str):
        return clean(inner[:_MAX_TEXT])
    return _compact(inner)


def _compact(value: object) -> str:
    try:
        try:
            return compact(value)[:_MAX_TEXT]
        except (ValueError, TypeError):
            return clean(repr(value)[:_MAX_TEXT])
    except RecursionError:
        return _TOO_DEEP  # what could just be read, from higher up the stack


def _value(value: object) -> Any:
    """Return a value as PROV-JSON has it: a text, a number, or a typed literal that is right."""
    if isinstance(value, Mapping) and "$" in value:
        return _literal(value)
    if isinstance(value, bool):
        return {"$": str(value).lower(), "type": "xsd:boolean"}
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return _text(value)


def _integer(value: int) -> Any:
    for datatype, bound in (("xsd:int", 1 << 31), ("xsd:long", 1 << 63)):
        if -bound <= value < bound:
            return {"$": str(value), "type": datatype}
    return str(value)


def _literal(value: Mapping[str, Any]) -> Any:
    content, datatype = value["$"], value.get("type")
    prefix, _, local = str(datatype).partition(":")
    name = f"{_XSD.get(prefix, prefix)}:{local}"
    text = _text(content)
    if name in _INTEGERS:
        try:
            return _integer(int(text))
        except ValueError:
            return text
    if _NUMBERS.match(name):
        try:
            number = float(text)
        except ValueError:
            return text
        return number if math.isfinite(number) else text
    return text


class Names:
    """The prefixes of one foreign document as they are spelled in ours.

    A prefix of ours keeps its name whatever address it had there: the family has used several.
    """

    def __init__(self, declared: object, ours: dict[str, str]) -> None:
        self._spelled: dict[str, str] = {"prov": "prov", **_XSD}
        listed = declared.items() if isinstance(declared, Mapping) else ()
        for prefix, address in listed:
            if prefix in NAMESPACES and prefix != "run":
                self._spelled.setdefault(prefix, prefix)
            elif prefix in self._spelled or prefix == "default":
                continue
            elif isinstance(address, str) and address and address.isprintable():
                self._spelled[prefix] = self._declare(prefix, address, ours)

    @staticmethod
    def _declare(prefix: str, address: str, ours: dict[str, str]) -> str:
        safe = re.sub(r"\W", "_", prefix, flags=re.ASCII) or "ns"
        name, count = safe, 1
        while ours.get(name, address) != address:
            count += 1
            name = f"{safe}_{count}"
        ours[name] = address
        return name

    def attribute(self, name: str) -> str:
        """Return the name of an attribute as it stands in our document."""
        prefix, colon, local = name.partition(":")
        if prefix == "prov" and name not in _BARE and name not in _TIMES:
            return f"yprov:prov.{re.sub(r'[^A-Za-z0-9_.-]', '_', local)}"  # PROV has no such here
        safe = re.sub(r"[^\w.-]", "_", local if colon else name, flags=re.ASCII) or "_"
        if colon and prefix in self._spelled:
            return f"{self._spelled[prefix]}:{safe}"
        return (
            f"yprov:{safe}" if not colon else f"yprov:{re.sub(r'[^A-Za-z0-9]', '_', prefix)}.{safe}"
        )
