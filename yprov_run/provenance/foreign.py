"""Values of documents that are not ours, brought into a form that every reader of ours can take.

The dialects: typed literals, also on attributes where the family's programs want bare texts;
`text^^xsd:type` in one text; times without an offset, of the zone that the document names.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Set
from datetime import datetime, tzinfo
from typing import Any

from yprov_run.merge.embedded.who import said
from yprov_run.provenance.records import Attributes, clean, compact, utc
from yprov_run.provenance.rules.index import moment
from yprov_run.provenance.rules.shape import UNSAFE_IRI
from yprov_run.provenance.vocabulary import NAMESPACES
from yprov_run.provenance.zones import zone_of

_SUFFIX = re.compile(r"(.*)\^\^[A-Za-z_][\w-]*:\w+\Z", re.DOTALL)
_TIMES = {
    "prov:startTime": "prov:startTime", "prov:startedAtTime": "prov:startTime",
    "prov:endTime": "prov:endTime", "prov:endedAtTime": "prov:endTime",
    "prov:time": "prov:time", "prov:generatedAtTime": "prov:generatedAtTime",
}  # fmt: skip
_BARE = {"prov:type", "prov:label", "prov:role", "prov:value", "prov:location"}
# Not `_`, which PROV-JSON has for blank nodes, nor what XML has for itself.
_PREFIX = re.compile(r"(?!xml|xsi)[A-Za-z]", re.IGNORECASE)
_XSD = {"xsd": "xsd", "xsd_1": "xsd"}
_NUMBERS = re.compile(r"xsd:(double|float|decimal)\Z")
_INTEGERS = {"xsd:int": 1 << 31, "xsd:long": 1 << 63, "xsd:integer": 1 << 63}
_MAX_TEXT = 1 << 16
_MAX_DEPTH = 8
_LAST_S = 253_402_300_800  # beyond, and before 1970, `utc` has no time
_QUALIFIED = {"xsd:QName", "prov:QUALIFIED_NAME"}
_TOO_DEEP = "nested too deep to be shown: it stands in its file"


class Values:
    """The values of one document; `losses` counts, in words, what could not be kept as it was."""

    def __init__(self, content: Mapping[str, Any], prefixes: dict[str, str]) -> None:
        self.losses: Counter[str] = Counter()
        self._names = Names(content.get("prefix"), prefixes)
        self._zone, unknown = zone_of(said(content, "yprov:time_zone"))
        of_what = f" (its time zone, {clean(unknown[:40])}, is not known)" if unknown else ""
        self._no_times = f"times that cannot be told, as texts{of_what}"

    def attributes(self, record: Mapping[str, Any], times: Set[str]) -> Attributes:
        """Return a record's attributes but for its ends, each in a form that all can read.

        `times` are those that it may have. Of them prov:generatedAtTime is set; for the others
        see `times`. What is no such time is a text.
        """
        found: Attributes = {}
        known = {name: time for name, time in self.times(record).items() if name in times}
        for name, value in record.items():
            kept = self._names.attribute(name)
            if value is None:
                continue
            if kept in _TIMES:
                if self._moment(value) == known.get(_TIMES[kept], ""):
                    continue
                self.losses[self._no_times] += 1
                kept = f"yprov:{kept.replace(':', '.')}"
            found[_free(kept, found)] = self._attribute(kept, value)
        if made := known.get("prov:generatedAtTime"):
            found["prov:generatedAtTime"] = made
        return found

    def times(self, record: Mapping[str, Any]) -> dict[str, str]:
        """Return a record's times in UTC under PROV-JSON's names; what is no time is left out."""
        found: dict[str, str] = {}
        for name, kept in _TIMES.items():
            time = self._moment(record[name]) if name in record else None
            if time is not None:
                found.setdefault(kept, time)
        return found

    def _moment(self, value: object) -> str | None:
        time = moment(_plain(value))
        return None if time is None else _in_utc(time, self._zone)

    def _attribute(self, name: str, value: object) -> Any:
        if name == "prov:type":
            listed = value if isinstance(value, list) else [value]
            return ", ".join(self._names.qualified(self._text(each)) for each in listed)
        return self._text(value) if name in _BARE else self._value(value)

    def _text(self, value: object, depth: int = 0) -> str:
        """Return a value as one bare text; lists in lists as JSON, beyond a common depth."""
        if depth < _MAX_DEPTH and isinstance(value, Mapping) and "$" in value:
            if value.get("lang"):
                self.losses["language tags left out"] += 1
            return self._text(value["$"], depth + 1)
        if depth < _MAX_DEPTH and isinstance(value, list):
            return self._cut(", ".join(self._text(one, depth + 1) for one in value))
        inner = _plain(value) if isinstance(value, str) else value
        return self._cut(clean(inner) if isinstance(inner, str) else _compact(inner))

    def _cut(self, text: str) -> str:
        if len(text) > _MAX_TEXT:
            self.losses[f"texts cut to {_MAX_TEXT:,} characters"] += 1
        return text[:_MAX_TEXT]

    def _value(self, value: object) -> Any:
        """Return a value as PROV-JSON has it: a text, a number, or a typed literal."""
        if isinstance(value, Mapping) and "$" in value:
            return self._literal(value)
        if isinstance(value, bool):
            return {"$": str(value).lower(), "type": "xsd:boolean"}
        if isinstance(value, int):
            return _integer(value)
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        return self._text(value)

    def _literal(self, value: Mapping[str, Any]) -> Any:
        prefix, _, local = str(value.get("type")).partition(":")
        name = f"{_XSD.get(prefix, prefix)}:{local}"
        text = self._text(value)
        try:
            if name in _INTEGERS:
                return _integer(int(text))
            if _NUMBERS.match(name) and math.isfinite(float(text)):
                return float(text)
        except ValueError:
            return text
        return self._names.qualified(text) if name in _QUALIFIED else text


def _free(name: str, taken: Attributes) -> str:
    """Return a name that no other attribute has: two may differ in what no name here can hold."""
    free, count = name, 1
    while free in taken:
        count += 1
        free = f"{name}_{count}"
    return free


def _in_utc(time: datetime, zone: tzinfo | None) -> str | None:
    """Return a time in UTC; None if it has no offset and no zone, or is beyond what we write."""
    if time.tzinfo is None and zone is None:
        return None
    try:
        seconds = (time if time.tzinfo else time.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        return None
    return utc(int(seconds * 1000)) if 0 <= seconds < _LAST_S else None


def _plain(value: object) -> object:
    """Unwrap a typed literal, and take the type off a text that carries it."""
    if isinstance(value, Mapping):
        value = value.get("$")
    match = _SUFFIX.match(value) if isinstance(value, str) else None
    return match.group(1) if match else value


def _compact(value: object) -> str:
    try:
        try:
            return compact(value)
        except (ValueError, TypeError):
            return clean(repr(value))
    except RecursionError:
        return _TOO_DEEP  # what could just be read, from higher up the stack


def _integer(value: int) -> Any:
    for datatype, bound in (("xsd:int", 1 << 31), ("xsd:long", 1 << 63)):
        if -bound <= value < bound:
            return {"$": str(value), "type": datatype}
    return str(value)


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
            elif isinstance(address, str) and address and not UNSAFE_IRI.search(address):
                self._spelled[prefix] = self._declare(prefix, address, ours)

    @staticmethod
    def _declare(prefix: str, address: str, ours: dict[str, str]) -> str:
        safe = re.sub(r"\W", "_", prefix, flags=re.ASCII)
        if not _PREFIX.match(safe):
            safe = f"ns_{safe}"
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

    def qualified(self, text: str) -> str:
        """Return a text with the prefix that its own has here; `run` alone is never ours there."""
        prefix, colon, local = text.partition(":")
        if not colon or (prefix not in self._spelled and prefix != "run"):
            return text
        spelled = self._spelled.get(prefix)
        return f"yprov:run.{local}" if spelled is None else f"{spelled}:{local}"
