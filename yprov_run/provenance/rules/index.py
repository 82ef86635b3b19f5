"""A document as the rules look at it: every record once, whatever shape the document has."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeGuard

Attributes = Mapping[str, Any]
Alike = Mapping[tuple[str, ...], list[tuple[str, Attributes]]]

ELEMENTS = ("entity", "activity", "agent")

# relation: its formal attributes with the kind of element each names; those with ! must be there
RELATIONS: dict[str, dict[str, str]] = {
    "used": {"prov:activity": "activity!", "prov:entity": "entity"},
    "wasGeneratedBy": {"prov:entity": "entity!", "prov:activity": "activity"},
    "wasInvalidatedBy": {"prov:entity": "entity!", "prov:activity": "activity"},
    "wasDerivedFrom": {
        "prov:generatedEntity": "entity!",
        "prov:usedEntity": "entity!",
        "prov:activity": "activity",
    },
    "wasInformedBy": {"prov:informed": "activity!", "prov:informant": "activity!"},
    "wasStartedBy": {
        "prov:activity": "activity!",
        "prov:trigger": "entity",
        "prov:starter": "activity",
    },
    "wasEndedBy": {
        "prov:activity": "activity!",
        "prov:trigger": "entity",
        "prov:ender": "activity",
    },
    "wasAssociatedWith": {
        "prov:activity": "activity!",
        "prov:agent": "agent",
        "prov:plan": "entity",
    },
    "wasAttributedTo": {"prov:entity": "entity!", "prov:agent": "agent!"},
    "actedOnBehalfOf": {
        "prov:delegate": "agent!",
        "prov:responsible": "agent!",
        "prov:activity": "activity",
    },
    "wasInfluencedBy": {"prov:influencee": "any!", "prov:influencer": "any!"},
    "specializationOf": {"prov:specificEntity": "entity!", "prov:generalEntity": "entity!"},
    "alternateOf": {"prov:alternate1": "entity!", "prov:alternate2": "entity!"},
    "mentionOf": {"prov:specificEntity": "entity!", "prov:generalEntity": "elsewhere!"},
    "hadMember": {"prov:collection": "entity!", "prov:entity": "entity!"},
}

KINDS = (*ELEMENTS, *RELATIONS)
_DATE_TIME = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,30})?(Z|[+-]\d\d:\d\d)?\Z", re.ASCII
)
_FRACTION = re.compile(r"(T\d\d:\d\d:\d\d)\.(\d+)")


@dataclass
class Index:
    """One document, or one bundle of it: `place` is where its kinds stand, as pointer parts."""

    document: Attributes
    place: tuple[str, ...] = ()
    outer: Index | None = None
    kinds: dict[str, Attributes] = field(default_factory=dict)
    _alike: dict[str, Alike] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for kind in KINDS:
            records = self.document.get(kind)
            if isinstance(records, Mapping):
                self.kinds[kind] = records

    def ids(self, kind: str) -> Attributes:
        """Return the records of a kind by identifier; empty if there are none."""
        return self.kinds.get(kind, {})

    def records(self, kind: str) -> Iterator[tuple[str, Attributes]]:
        """Yield (identifier, attributes) of a kind; those in an array one by one."""
        for identifier, record in self.ids(kind).items():
            if is_object(record):
                yield identifier, record
            elif isinstance(record, list):
                for one in record:
                    if isinstance(one, Mapping):
                        yield identifier, one

    def alike(self, kind: str) -> Alike:
        """Return the records of a kind by the names of their attributes.

        300,000 records have some twenty different sets of names: what a rule asks of the names it
        asks once for each, and records with none that it looks for cost nothing.
        """
        if kind not in self._alike:
            alike: dict[tuple[str, ...], list[tuple[str, Attributes]]] = {}
            for identified in self.records(kind):
                alike.setdefault(tuple(identified[1]), []).append(identified)
            self._alike[kind] = alike
        return self._alike[kind]

    def columns(
        self, wanted: Container[str] | None = None, kinds: Sequence[str] = KINDS
    ) -> Iterator[tuple[str, str, list[tuple[str, Attributes]]]]:
        """Yield (kind, name, records) for each attribute of records alike; of wanted names only."""
        for kind in kinds:
            for names, records in self.alike(kind).items():
                for name in names:
                    if wanted is None or name in wanted:
                        yield kind, name, records

    def knows(self, identifier: str, kind: str) -> bool:
        """Tell whether an element of this kind is declared here, or around this bundle."""
        if kind == "any":
            found = any(identifier in self.ids(each) for each in ELEMENTS)
        else:
            found = identifier in self.ids(kind)
        return found or (self.outer is not None and self.outer.knows(identifier, kind))

    def prefixes(self) -> dict[str, object]:
        """Return the prefixes declared here and around this bundle."""
        around = self.outer.prefixes() if self.outer else {}
        declared = self.document.get("prefix")
        return {**around, **(declared if isinstance(declared, Mapping) else {})}


def is_object(value: object) -> TypeGuard[Attributes]:
    """Tell whether a value is an object; nearly all are dicts, and the abstract class is slow."""
    return type(value) is dict or isinstance(value, Mapping)


def is_date_time(value: object) -> bool:
    """Tell whether a value is written as XML Schema has a time: Python reads others as well."""
    text = value.get("$") if isinstance(value, Mapping) else value
    return isinstance(text, str) and bool(_DATE_TIME.match(text))


def moment(value: object) -> datetime | None:
    """Return an xsd:dateTime, with its offset if it has one; None if it is no time."""
    if isinstance(value, str):
        return _parsed(value)
    literal = value.get("$") if isinstance(value, Mapping) else None
    return _parsed(literal) if isinstance(literal, str) else None


@lru_cache(1 << 16)
def _parsed(value: str) -> datetime | None:
    """Parse a time; most stand in several records, and each is asked for by several rules."""
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        pass
    # Before Python 3.11 neither Z nor a fraction of any length is read.
    text = _FRACTION.sub(lambda match: f"{match[1]}.{match[2][:6]:0<6}", value)
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None


def before(one: datetime | None, other: datetime | None) -> bool:
    """Tell whether one time is known to be before another; never where only one has an offset."""
    if one is None or other is None:
        return False
    try:
        return one < other
    except TypeError:
        return False  # as Python says of a time with an offset beside one without
