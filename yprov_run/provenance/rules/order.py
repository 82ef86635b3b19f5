"""Order of times: what clock times say must not contradict what the relations say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from yprov_run.provenance.rules.findings import Finding, pointer
from yprov_run.provenance.rules.index import Attributes, Index, before, is_date_time, moment

_EVENT_TIMES = ("prov:time", "prov:startTime", "prov:endTime")
_TIMES = frozenset(
    {*_EVENT_TIMES, "prov:startedAtTime", "prov:endedAtTime", "prov:generatedAtTime"}
)
Span = tuple[datetime | None, datetime | None]
_UNKNOWN: Span = (None, None)


def check_times(index: Index) -> Iterator[Finding]:
    """Find texts that are no times, and times in an impossible order."""
    for kind, name, records in index.columns(_TIMES):
        for identifier, record in records:
            time = moment(record[name])
            if name in _EVENT_TIMES and not is_date_time(record[name]):
                time = None
            if time is None or time.tzinfo is None:
                yield _bad_time(index, (kind, identifier, name), time)
    spans = _spans(index)
    yield from _check_spans(index, spans)
    generated = _generated(index)
    yield from _check_within(index, spans, generated)
    yield from _check_starts(index, spans)
    yield from _check_derived(index, generated)


def _bad_time(index: Index, place: tuple[str, str, str], time: datetime | None) -> Finding:
    path = pointer(*index.place, *place)
    if time is None:
        return Finding(path, "no time", "PROV" if place[-1] in _EVENT_TIMES else "family")
    return Finding(path, "no time with an offset: the programs take it for UTC", "family")


def _spans(index: Index) -> dict[str, Span]:
    return {
        identifier: (moment(record.get("prov:startTime")), moment(record.get("prov:endTime")))
        for identifier, record in index.records("activity")
    }


def _check_spans(index: Index, spans: dict[str, Span]) -> Iterator[Finding]:
    for identifier, (start, end) in spans.items():
        if before(end, start):
            yield Finding(pointer(*index.place, "activity", identifier), "ends before it starts")
    for identifier, record in index.records("wasInformedBy"):
        informed = spans.get(_text(record, "prov:informed"), _UNKNOWN)
        informant = spans.get(_text(record, "prov:informant"), _UNKNOWN)
        if before(informed[1], informant[0]):
            path = pointer(*index.place, "wasInformedBy", identifier)
            yield Finding(path, "ends before what informed it starts")


def _text(record: Attributes, name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""


def _generated(index: Index) -> dict[str, datetime]:
    """Return the times at which entities were generated, as far as they are known."""
    times = {}
    for _, record in index.records("wasGeneratedBy"):
        time = moment(record["prov:time"]) if "prov:time" in record else None
        if time is not None:
            times[_text(record, "prov:entity")] = time
    return times


def _check_within(
    index: Index, spans: dict[str, Span], generated: dict[str, datetime]
) -> Iterator[Finding]:
    """Hold uses, generations and invalidations against their activities and entities."""
    for relation in ("used", "wasGeneratedBy", "wasInvalidatedBy"):
        for identifier, record in index.records(relation):
            if "prov:time" not in record:
                continue
            time = moment(record["prov:time"])
            start, end = spans.get(_text(record, "prov:activity"), _UNKNOWN)
            if before(time, start) or before(end, time):
                path = pointer(*index.place, relation, identifier)
                yield Finding(path, "its time is outside its activity")
            if before(time, generated.get(_text(record, "prov:entity"))):
                path = pointer(*index.place, relation, identifier)
                yield Finding(path, "its time is before its entity was generated")


def _check_starts(index: Index, spans: dict[str, Span]) -> Iterator[Finding]:
    """The time in wasStartedBy is the activity's start, that in wasEndedBy its end."""
    for relation, side in (("wasStartedBy", 0), ("wasEndedBy", 1)):
        for identifier, record in index.records(relation):
            time = moment(record.get("prov:time"))
            known = spans.get(_text(record, "prov:activity"), _UNKNOWN)[side]
            if before(time, known) or before(known, time):
                path = pointer(*index.place, relation, identifier)
                yield Finding(path, "its time is not that of its activity")


def _check_derived(index: Index, generated: dict[str, datetime]) -> Iterator[Finding]:
    for identifier, record in index.records("wasDerivedFrom"):
        later = generated.get(_text(record, "prov:generatedEntity"))
        earlier = generated.get(_text(record, "prov:usedEntity"))
        if before(later, earlier):
            path = pointer(*index.place, "wasDerivedFrom", identifier)
            yield Finding(path, "derived from what was generated later")
