"""Values of our own terms: are they within the range that docs/terms.md gives?"""

from __future__ import annotations

from collections.abc import Iterator

from yprov_run.provenance.meanings import RANGES, Range
from yprov_run.provenance.rules.findings import Finding, pointer
from yprov_run.provenance.rules.index import Index, is_object
from yprov_run.provenance.vocabulary import RUN

_ROUNDING = 1e-9
_NO_BOUND = float("inf")
_BOUNDS = {
    name: (
        -_NO_BOUND if wanted.lowest is None else wanted.lowest,
        _NO_BOUND if wanted.highest is None else wanted.highest,
    )
    for name, wanted in RANGES.items()
}


def check_ranges(index: Index) -> Iterator[Finding]:
    """Find values of our terms that cannot be; of documents only that mean our terms by `run:`."""
    if index.prefixes().get("run") != RUN:
        return
    for kind, name, records in index.columns(RANGES):
        lowest, highest = _BOUNDS[name]
        for identifier, record in records:
            value = record[name]
            if type(value) is float and lowest <= value <= highest:
                continue
            if problem := _problem(value, RANGES[name]):
                yield Finding(pointer(*index.place, kind, identifier, name), problem, "terms")


def _problem(value: object, wanted: Range) -> str:
    literal = value.get("$") if is_object(value) else value
    if wanted.texts:
        return "" if literal in wanted.texts else f"{literal!r} is none of {wanted}"
    try:
        number = float(str(literal))
    except ValueError:
        return f"{literal!r} is no number"
    below = wanted.lowest is not None and number < wanted.lowest - _ROUNDING
    above = wanted.highest is not None and number > wanted.highest + _ROUNDING
    return f"{number:g} is not within {wanted}" if below or above else ""
